using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Kube.Json;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>The difference between a pod's status in the API and as it should be, as a patch: only what differs.</summary>
internal static class StatusChanges
{
    private static readonly string[] Owned =
    [
        "observedGeneration", "phase", "reason", "message", "startTime", "hostIP", "hostIPs", "podIP", "podIPs", "qosClass",
        "conditions", "containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses",
    ];

    /// <summary>Null when nothing differs.</summary>
    public static JsonObject? Between(V1PodStatus? before, V1PodStatus wanted)
    {
        var old = before is null ? [] : ToJson(before);
        var now = ToJson(wanted);
        var changes = new JsonObject();
        foreach (var name in Owned)
        {
            var (was, be) = (old[name], now[name]);
            if (name == "conditions") be = Changed(was?.AsArray(), be?.AsArray());
            if (be is null ? was is null || name == "conditions" : JsonNode.DeepEquals(was, be)) continue;
            changes[name] = be?.DeepClone();
        }
        return changes.Count == 0 ? null : changes;
    }

    /// <summary>Conditions merge by their type: those that differ are enough, and what others wrote meanwhile stays.</summary>
    private static JsonArray? Changed(JsonArray? was, JsonArray? be)
    {
        var changed = (be ?? []).Where(condition => was?.Any(old => JsonNode.DeepEquals(old, condition)) != true).Select(WithReason).ToArray();
        return changed.Length == 0 ? null : new JsonArray(changed);
    }

    /// <summary>A reason or message of before must be taken out by name.</summary>
    private static JsonObject WithReason(JsonNode? condition)
    {
        var copy = condition!.DeepClone().AsObject();
        foreach (var name in (string[])["reason", "message"])
        {
            if (!copy.ContainsKey(name)) copy[name] = null;
        }
        return copy;
    }

    private static JsonObject ToJson(V1PodStatus status) => JsonNode.Parse(KubeJson.Serialize(status))!.AsObject();
}
