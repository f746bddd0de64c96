using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using k8s.Models;

namespace Fairlead.Controllers.NodeLifecycle;

/// <summary>Writes the node controller's verdicts into Nodes.</summary>
internal sealed class NodeWriter(KubeClient client, EventRecorder events, TimeProvider time)
{
    private static readonly string[] Conditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

    public async Task MarkUnknownAsync(NodeItem node, CancellationToken cancel)
    {
        var hasReported = node.Ready.Length > 0;
        var now = Timestamps.Seconds(time.GetUtcNow());
        var list = new JsonArray();
        foreach (var type in Conditions)
        {
            list.Add((JsonNode)new JsonObject
            {
                ["type"] = type,
                ["status"] = "Unknown",
                ["lastTransitionTime"] = now,
                ["reason"] = hasReported ? "NodeStatusUnknown" : "NodeStatusNeverUpdated",
                ["message"] = hasReported ? "Kubelet stopped posting node status." : "Kubelet never posted node status.",
            });
        }
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = node.Meta.Uid },
            ["status"] = new JsonObject { ["conditions"] = list },
        };
        await client.PatchAsync(ApiResources.Nodes, node.Key, Patch.StrategicMerge(patch), "status", cancel);
        events.Normal(About(node), "NodeNotReady", $"Node {node.Name} status is now: NodeNotReady");
    }

    /// <summary>Replaces the controller's own taints and leaves all others as they are, with the times they were added at.</summary>
    public async Task TaintAsync(NodeItem node, NodeVerdict verdict, CancellationToken cancel)
    {
        var live = await client.FindAsync(ApiResources.Nodes, null, node.Name, cancel);
        if (live is null) return;
        var kept = (live.Spec?.Taints ?? []).Where(taint => !NodeLifecyclePlan.IsOurs(taint.Key, node) || verdict.Taints.Contains(Taint.From(taint))).ToList();
        var list = new JsonArray();
        foreach (var taint in kept) list.Add((JsonNode)ToJson(Taint.From(taint), taint.TimeAdded));
        foreach (var taint in verdict.Taints)
        {
            if (kept.All(there => Taint.From(there) != taint)) list.Add((JsonNode)ToJson(taint, time.GetUtcNow().UtcDateTime));
        }
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = node.Meta.Uid, ["resourceVersion"] = live.Metadata.ResourceVersion },
            ["spec"] = new JsonObject { ["taints"] = list.Count == 0 ? null : list },
        };
        await client.PatchAsync(ApiResources.Nodes, node.Key, Patch.Merge(patch), null, cancel);
    }

    private static JsonObject ToJson(Taint taint, DateTime? added)
    {
        var json = new JsonObject { ["key"] = taint.Key, ["effect"] = taint.Effect };
        if (taint.Value.Length > 0) json["value"] = taint.Value;
        if (added is { } at) json["timeAdded"] = Timestamps.Seconds(at);
        return json;
    }

    // Kubernetes' node controller puts the name where the UID belongs; describe finds node events by it.
    private static V1ObjectReference About(NodeItem node) => new() { ApiVersion = "v1", Kind = "Node", Name = node.Name, Uid = node.Name };
}
