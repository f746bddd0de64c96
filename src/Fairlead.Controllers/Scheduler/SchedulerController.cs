using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.Scheduler;

/// <summary>
/// Binds pods to nodes. Deciding is one step after the other under a lock (microseconds); bindings are written in
/// parallel. Pods that fit nowhere wait until a node changes or a pod leaves one.
/// </summary>
internal sealed class SchedulerController : KeyedController<ObjectKey>
{
    private readonly Lock _lock = new();
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly EventRecorder _events;
    private readonly TimeProvider _time;
    private readonly string _name;
    private readonly NodeLoad _load = new();
    private readonly HashSet<ObjectKey> _waiting = [];

    public SchedulerController(ControllerContext context)
        : base("scheduler", workers: 8, context.Log("Scheduler"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _name = context.Options.SchedulerName;
        _events = context.Recorder(_name);
        _time = context.Time;
        _caches.Pods.Changed += Observe;
        _caches.Nodes.Changed += _ => Retry();
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (_caches.Pods.Items.GetValueOrDefault(key) is not { } pod || !IsMine(pod)) return;
        if (Decide(pod) is not { } placement) return;
        if (placement.Node is { } node) await BindAsync(pod, node, cancel);
        else await ExplainAsync(pod, placement.Message, cancel);
    }

    private bool IsMine(PodItem pod) =>
        pod.NodeName.Length == 0 && pod.IsActive && pod.Demand.SchedulerName == _name && pod.Demand.Gates == 0;

    private void Observe(InformerChange<PodItem> change)
    {
        var isMine = change.New is { } pod && IsMine(pod);
        bool leaves;
        lock (_lock)
        {
            _load.Observe(change.Key, change.New);
            if (!isMine) _waiting.Remove(change.Key);
            leaves = change.Old is { NodeName.Length: > 0, IsTerminal: false } && change.New is null or { IsTerminal: true };
        }
        if (isMine && NeedsDecision(change)) Queue.Add(change.Key);
        if (leaves) Retry();
        else if (change.New is { NodeName.Length: > 0 } && change.Old is not { NodeName.Length: > 0 }) RetryNeighbours();
    }

    /// <summary>A pod that was placed may be the neighbour that another waits for, or fill a domain that others were measured by.</summary>
    private void RetryNeighbours()
    {
        lock (_lock)
        {
            if (_waiting.Count == 0) return;
            foreach (var key in _waiting)
            {
                if (_caches.Pods.Items.GetValueOrDefault(key)?.Demand.Neighbours is { } neighbours && neighbours != PodAffinity.None) Queue.Add(key);
            }
        }
    }

    /// <summary>The scheduler's own note about a pod that does not fit is no reason to look at it again.</summary>
    private static bool NeedsDecision(InformerChange<PodItem> change) =>
        change.Old is not { } old || old.Meta.Uid != change.New!.Meta.Uid
        || (old with { UnschedulableMessage = change.New.UnschedulableMessage }) != change.New;

    private void Retry()
    {
        ObjectKey[] waiting;
        lock (_lock)
        {
            waiting = [.. _waiting];
            _waiting.Clear();
        }
        foreach (var key in waiting) Queue.Add(key);
    }

    /// <summary>Null where the pod is placed already and the cache does not show it yet.</summary>
    private Placement? Decide(PodItem pod)
    {
        lock (_lock)
        {
            if (_load.IsPlaced(pod)) return null;
            // Before the snapshot is taken: a node that comes from now on finds the pod among the waiting.
            _waiting.Add(pod.Key);
            var nodes = _caches.Nodes.Items.Values.Where(node => !node.Meta.IsDeleting).ToList();
            var placement = SchedulerPlan.Place(pod, nodes, _load);
            if (placement.Node is not { } chosen) return placement;
            _waiting.Remove(pod.Key);
            _load.Assume(pod, chosen);
            return placement;
        }
    }

    private async Task BindAsync(PodItem pod, string node, CancellationToken cancel)
    {
        var binding = new V1Binding
        {
            ApiVersion = "v1",
            Kind = "Binding",
            Metadata = new V1ObjectMeta { Name = pod.Key.Name, NamespaceProperty = pod.Key.Namespace, Uid = pod.Meta.Uid },
            Target = new V1ObjectReference { ApiVersion = "v1", Kind = "Node", Name = node },
        };
        var started = _time.GetTimestamp();
        try
        {
            await _client.PostAsync(ApiResources.Pods.Path(pod.Key.Namespace, pod.Key.Name, "binding"), binding, cancel);
        }
        catch (Exception e)
        {
            lock (_lock) _load.Forget(pod);
            // Deleted or bound by another meanwhile: the cache will say which; there is nothing to bind.
            if (e is KubeApiException { IsNotFound: true } or KubeApiException { IsConflict: true }) return;
            throw;
        }
        SchedulerLog.Bound(Logger, pod.Key.ToString(), node, _time.GetElapsedTime(started).TotalMilliseconds);
        _events.Normal(About(pod), "Scheduled", $"Successfully assigned {pod.Key} to {node}");
    }

    private async Task ExplainAsync(PodItem pod, string message, CancellationToken cancel)
    {
        _events.Warning(About(pod), "FailedScheduling", message);
        if (pod.UnschedulableMessage == message) return;
        var condition = new JsonObject
        {
            ["type"] = "PodScheduled",
            ["status"] = "False",
            ["reason"] = "Unschedulable",
            ["message"] = message,
        };
        if (pod.UnschedulableMessage.Length == 0) condition["lastTransitionTime"] = Timestamps.Seconds(_time.GetUtcNow());
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = pod.Meta.Uid },
            ["status"] = new JsonObject { ["conditions"] = new JsonArray(condition) },
        };
        await _client.PatchAsync(ApiResources.Pods, pod.Key, Patch.StrategicMerge(patch), "status", cancel);
    }

    private static V1ObjectReference About(PodItem pod) => new()
    {
        ApiVersion = "v1",
        Kind = "Pod",
        NamespaceProperty = pod.Key.Namespace,
        Name = pod.Key.Name,
        Uid = pod.Meta.Uid,
    };
}

internal static partial class SchedulerLog
{
    [LoggerMessage(3070, LogLevel.Debug, "pod {Pod} bound to {Node} in {Milliseconds:F1} ms")]
    public static partial void Bound(ILogger log, string pod, string node, double milliseconds);
}
