using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;

namespace Fairlead.Controllers.Deployment;

/// <summary>The JSON of what a Deployment's sync writes.</summary>
internal static class DeploymentPatch
{
    /// <summary>A merge patch from one state of a ReplicaSet to the other, for the version that the first was read at.</summary>
    public static JsonObject Change(ReplicaItem before, ReplicaItem after)
    {
        var annotations = new JsonObject();
        foreach (var (key, value) in after.Annotations)
        {
            if (!before.Annotations.TryGetValue(key, out var present) || present != value) annotations[key] = value;
        }
        var metadata = new JsonObject { ["uid"] = before.Meta.Uid, ["resourceVersion"] = before.ResourceVersion };
        if (annotations.Count > 0) metadata["annotations"] = annotations;
        var spec = new JsonObject();
        if (before.Replicas != after.Replicas) spec["replicas"] = after.Replicas;
        if (before.MinReadySeconds != after.MinReadySeconds) spec["minReadySeconds"] = after.MinReadySeconds;
        var patch = new JsonObject { ["metadata"] = metadata };
        if (spec.Count > 0) patch["spec"] = spec;
        return patch;
    }

    public static JsonObject Status(DeploymentStatus status)
    {
        var conditions = new JsonArray();
        foreach (var condition in status.Conditions) conditions.Add((JsonNode)Condition(condition));
        var json = new JsonObject
        {
            ["observedGeneration"] = status.ObservedGeneration,
            ["replicas"] = status.Replicas,
            ["updatedReplicas"] = status.Updated,
            ["readyReplicas"] = status.Ready,
            ["availableReplicas"] = status.Available,
            ["unavailableReplicas"] = status.Unavailable,
            ["terminatingReplicas"] = status.Terminating,
            ["conditions"] = conditions,
        };
        if (status.Collisions > 0) json["collisionCount"] = status.Collisions;
        return json;
    }

    private static JsonObject Condition(DeploymentCondition condition) => new()
    {
        ["type"] = condition.Type,
        ["status"] = condition.Status,
        ["reason"] = condition.Reason,
        ["message"] = condition.Message,
        ["lastUpdateTime"] = Timestamps.Seconds(condition.Updated),
        ["lastTransitionTime"] = Timestamps.Seconds(condition.Changed),
    };
}
