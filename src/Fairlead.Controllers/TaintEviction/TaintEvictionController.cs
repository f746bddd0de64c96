using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using k8s.Models;

namespace Fairlead.Controllers.TaintEviction;

/// <summary>Deletes pods that do not tolerate a NoExecute taint of their node, or no longer.</summary>
internal sealed class TaintEvictionController : KeyedController<ObjectKey>
{
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly EventRecorder _events;
    private readonly TimeProvider _time;

    /// <summary>When a node was first seen to repel pods, for taints that do not say it themselves.</summary>
    private readonly ConcurrentDictionary<string, DateTime> _seen = new();

    public TaintEvictionController(ControllerContext context)
        : base("tainteviction", workers: 4, context.Log("TaintEviction"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _time = context.Time;
        _events = context.Recorder("taint-eviction-controller");
        _caches.Nodes.Changed += Observe;
        _caches.Pods.Changed += change =>
        {
            if (change.New is { NodeName.Length: > 0 } pod && Find(pod.NodeName) is { } node && EvictionPlan.Repels(node)) Queue.Add(pod.Key);
        };
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (_caches.Pods.Items.GetValueOrDefault(key) is not { IsActive: true } pod || Find(pod.NodeName) is not { } node) return;
        if (EvictionPlan.Stay(pod, node) is not { } stay) return;
        var now = _time.GetUtcNow().UtcDateTime;
        var since = node.RepelsSince ?? _seen.GetValueOrDefault(node.Name, now);
        // A pod that came later has its time from then on.
        if (pod.Meta.Created > since) since = pod.Meta.Created;
        if (since + stay is var due && due > now)
        {
            Queue.AddAfter(key, due - now);
            return;
        }
        await EvictAsync(pod, now, cancel);
    }

    private NodeItem? Find(string name) => _caches.Nodes.Items.GetValueOrDefault(new ObjectKey("", name));

    private void Observe(InformerChange<NodeItem> change)
    {
        if (change.New is not { } node || !EvictionPlan.Repels(node))
        {
            _seen.TryRemove(change.Key.Name, out _);
            return;
        }
        _seen.TryAdd(node.Name, _time.GetUtcNow().UtcDateTime);
        if (change.Old?.Taints == node.Taints) return;
        foreach (var pod in _caches.PodIndex.OnNode(node.Name)) Queue.Add(pod.Key);
    }

    private async Task EvictAsync(PodItem pod, DateTime now, CancellationToken cancel)
    {
        _events.Normal(
            new V1ObjectReference { ApiVersion = "v1", Kind = "Pod", NamespaceProperty = pod.Key.Namespace, Name = pod.Key.Name, Uid = pod.Meta.Uid },
            "TaintManagerEviction", $"Marking for deletion Pod {pod.Key}");
        var condition = new JsonObject
        {
            ["type"] = "DisruptionTarget",
            ["status"] = "True",
            ["reason"] = "DeletionByTaintManager",
            ["message"] = "Taint manager: deleting due to NoExecute taint",
            ["lastTransitionTime"] = Timestamps.Seconds(now),
        };
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = pod.Meta.Uid },
            ["status"] = new JsonObject { ["conditions"] = new JsonArray(condition) },
        };
        try
        {
            await _client.PatchAsync(ApiResources.Pods, pod.Key, Patch.StrategicMerge(patch), "status", cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            return;
        }
        await _client.DeleteAsync(ApiResources.Pods, pod.Key, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = pod.Meta.Uid } }, cancel);
    }
}
