using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.NodeLifecycle;

/// <summary>Notices nodes that stop reporting, taints those that are not ready, and takes readiness from their pods.</summary>
internal sealed class NodeLifecycleController : KeyedController<string>
{
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly EventRecorder _events;
    private readonly ControllerOptions _options;
    private readonly TimeProvider _time;
    private readonly NodeWriter _writer;

    /// <summary>When each node was last heard of, by this process's clock: clocks of machines may differ.</summary>
    private readonly ConcurrentDictionary<string, long> _heard = new();

    public NodeLifecycleController(ControllerContext context)
        : base("nodelifecycle", workers: 4, context.Log("NodeLifecycle"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _options = context.Options;
        _time = context.Time;
        _events = context.Recorder("node-controller");
        _writer = new NodeWriter(_client, _events, _time);
        _caches.Leases.Changed += change =>
        {
            if (change.New is { } lease && lease.Key.Namespace == "kube-node-lease" && change.Old?.Renewed != lease.Renewed) Hear(lease.Key.Name);
        };
        _caches.Nodes.Changed += change =>
        {
            if (change.New is not { } node) _heard.TryRemove(change.Key.Name, out _);
            else if (node.Ready != "Unknown" && change.Old?.Ready != node.Ready) Hear(node.Name);
            Queue.Add(change.Key.Name);
        };
        _caches.Pods.Changed += change =>
        {
            // A pod on a silent node cannot become ready, whatever was written last.
            if (change.New is { IsReady: true, NodeName.Length: > 0 } pod && Find(pod.NodeName) is { Ready: not "True" }) Queue.Add(pod.NodeName);
        };
    }

    public override async Task RunAsync(CancellationToken cancel)
    {
        var work = base.RunAsync(cancel);
        try
        {
            using var timer = new PeriodicTimer(_options.NodeMonitorPeriod, _time);
            while (await timer.WaitForNextTickAsync(cancel))
            {
                foreach (var key in _caches.Nodes.Items.Keys) Queue.Add(key.Name);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
        await work;
    }

    protected override async Task SyncAsync(string key, CancellationToken cancel)
    {
        if (Find(key) is not { Meta.IsDeleting: false } node) return;
        var heard = _heard.GetOrAdd(key, _ => _time.GetTimestamp());
        var verdict = NodeLifecyclePlan.Decide(node, _time.GetElapsedTime(heard), _options.NodeMonitorGracePeriod);
        if (verdict.MarkUnknown)
        {
            if (await HasRenewedAsync(node, cancel)) return;
            await _writer.MarkUnknownAsync(node, cancel);
            NodeLifecycleLog.Silent(Logger, key, _time.GetElapsedTime(heard).TotalSeconds);
        }
        if (!NodeLifecyclePlan.HasTaints(node, verdict)) await _writer.TaintAsync(node, verdict, cancel);
        if (!verdict.IsReady && node.Ready.Length > 0) await TakeReadinessAsync(node, cancel);
    }

    private NodeItem? Find(string name) => _caches.Nodes.Items.GetValueOrDefault(new ObjectKey("", name));

    private void Hear(string node) => _heard[node] = _time.GetTimestamp();

    /// <summary>Our watch may be what fell silent: the lease itself decides.</summary>
    private async Task<bool> HasRenewedAsync(NodeItem node, CancellationToken cancel)
    {
        var lease = await _client.FindAsync(ApiResources.Leases, "kube-node-lease", node.Name, cancel);
        var cached = _caches.Leases.Items.GetValueOrDefault(new ObjectKey("kube-node-lease", node.Name));
        if (lease?.Spec?.RenewTime is not { } renewed || renewed == cached?.Renewed) return false;
        Hear(node.Name);
        return true;
    }

    private Task TakeReadinessAsync(NodeItem node, CancellationToken cancel) =>
        Task.WhenAll(_caches.PodIndex.OnNode(node.Name).Where(pod => pod.IsReady).Select(pod => TakeReadinessAsync(pod, cancel)));

    private async Task TakeReadinessAsync(PodItem pod, CancellationToken cancel)
    {
        var condition = new JsonObject { ["type"] = "Ready", ["status"] = "False", ["lastTransitionTime"] = Timestamps.Seconds(_time.GetUtcNow()) };
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = pod.Meta.Uid },
            ["status"] = new JsonObject { ["conditions"] = new JsonArray(condition) },
        };
        try
        {
            await _client.PatchAsync(ApiResources.Pods, pod.Key, Patch.StrategicMerge(patch), "status", cancel);
            var about = new V1ObjectReference
            {
                ApiVersion = "v1",
                Kind = "Pod",
                NamespaceProperty = pod.Key.Namespace,
                Name = pod.Key.Name,
                Uid = pod.Meta.Uid,
            };
            _events.Warning(about, "NodeNotReady", "Node is not ready");
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // Gone meanwhile.
        }
    }
}

internal static partial class NodeLifecycleLog
{
    [LoggerMessage(3120, LogLevel.Warning, "node {Node} has not been heard of for {Seconds:F0} s; its conditions are Unknown now")]
    public static partial void Silent(ILogger log, string node, double seconds);
}
