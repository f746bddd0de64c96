using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.PodGC;

/// <summary>Deletes, without grace, pods whose node no longer exists and pods that were deleted before they had one. Keys are node names.</summary>
internal sealed class PodGcController : KeyedController<string>
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(20);

    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly TimeProvider _time;
    private readonly TimeSpan _quarantine;

    /// <summary>Since when each missing node has been missing. Used by the one worker only.</summary>
    private readonly Dictionary<string, long> _missing = [];

    public PodGcController(ControllerContext context)
        : base("podgc", workers: 1, context.Log("PodGC"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _time = context.Time;
        _quarantine = context.Options.PodGcQuarantine;
        _caches.Nodes.Changed += change => Queue.Add(change.Key.Name);
        _caches.Pods.Changed += change =>
        {
            if (change.New is { NodeName: "", Meta.IsDeleting: true }) Queue.Add("");
        };
    }

    public override async Task RunAsync(CancellationToken cancel)
    {
        var work = base.RunAsync(cancel);
        try
        {
            using var timer = new PeriodicTimer(Period, _time);
            do
            {
                foreach (var node in _caches.Pods.Items.Values.Select(pod => pod.NodeName).ToHashSet().Where(IsMissing)) Queue.Add(node);
            }
            while (await timer.WaitForNextTickAsync(cancel));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
        await work;
    }

    protected override async Task SyncAsync(string key, CancellationToken cancel)
    {
        var isGone = key.Length > 0 && await IsGoneAsync(key, cancel);
        var pods = key.Length == 0 ? _caches.Pods.Items.Values.Where(pod => pod.NodeName.Length == 0) : _caches.PodIndex.OnNode(key);
        await Task.WhenAll(PodGcPlan.Doomed(pods, _ => isGone).Select(pod => DeleteAsync(pod, cancel)));
    }

    private bool IsMissing(string node) => node.Length > 0 && !_caches.Nodes.Items.ContainsKey(new ObjectKey("", node));

    /// <summary>A node counts as gone when it has been missing for a while and the API server itself does not know it.</summary>
    private async Task<bool> IsGoneAsync(string node, CancellationToken cancel)
    {
        if (!IsMissing(node) || _caches.PodIndex.OnNode(node).Count == 0)
        {
            _missing.Remove(node);
            return false;
        }
        if (!_missing.TryGetValue(node, out var since)) _missing[node] = since = _time.GetTimestamp();
        var left = _quarantine - _time.GetElapsedTime(since);
        if (left > TimeSpan.Zero)
        {
            Queue.AddAfter(node, left);
            return false;
        }
        return await _client.FindAsync(ApiResources.Nodes, null, node, cancel) is null;
    }

    private async Task DeleteAsync(PodItem pod, CancellationToken cancel)
    {
        if (!pod.IsTerminal && pod.NodeName.Length > 0) await MarkFailedAsync(pod, cancel);
        var options = new V1DeleteOptions { GracePeriodSeconds = 0, Preconditions = new V1Preconditions { Uid = pod.Meta.Uid } };
        if (await _client.DeleteAsync(ApiResources.Pods, pod.Key, options, cancel)) PodGcLog.Deleted(Logger, pod.Key.ToString(), pod.NodeName);
    }

    /// <summary>Whoever watches the pod learns that it ended, and why, before it vanishes.</summary>
    private async Task MarkFailedAsync(PodItem pod, CancellationToken cancel)
    {
        var condition = new JsonObject
        {
            ["type"] = "DisruptionTarget",
            ["status"] = "True",
            ["lastTransitionTime"] = Timestamps.Seconds(_time.GetUtcNow()),
            ["reason"] = "DeletionByPodGC",
            ["message"] = "PodGC: node no longer exists",
        };
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = pod.Meta.Uid },
            ["status"] = new JsonObject { ["phase"] = "Failed", ["conditions"] = new JsonArray(condition) },
        };
        try
        {
            await _client.PatchAsync(ApiResources.Pods, pod.Key, Patch.StrategicMerge(patch), "status", cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // Gone meanwhile.
        }
    }
}

internal static partial class PodGcLog
{
    [LoggerMessage(3130, LogLevel.Information, "pod {Pod} deleted: its node {Node} no longer exists, or it never had one")]
    public static partial void Deleted(ILogger log, string pod, string node);
}
