using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies.Apps;

/// <summary>Kubernetes API reference: "StatefulSet".</summary>
internal sealed class StatefulSetStrategy : KindStrategy
{
    private static readonly string[] Changeable =
        ["replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"];

    public override void Default(JsonObject obj)
    {
        var spec = obj.Child("spec");
        spec.SetDefault("replicas", 1);
        spec.SetDefault("revisionHistoryLimit", 10);
        spec.SetDefault("podManagementPolicy", "OrderedReady");
        spec.SetDefault("serviceName", "");
        var strategy = spec.Child("updateStrategy");
        strategy.SetDefault("type", "RollingUpdate");
        if (strategy.Text("type") == "RollingUpdate") strategy.Child("rollingUpdate").SetDefault("partition", 0);
        var retention = spec.Child("persistentVolumeClaimRetentionPolicy");
        retention.SetDefault("whenDeleted", "Retain");
        retention.SetDefault("whenScaled", "Retain");
        WorkloadRules.DefaultTemplate(spec);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0, ["availableReplicas"] = 0 };

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        if (spec.Text("podManagementPolicy") is not ("OrderedReady" or "Parallel") and var policy)
            errors.Invalid("spec.podManagementPolicy", policy ?? "", "must be 'OrderedReady' or 'Parallel'");
        WorkloadRules.NotNegative(spec, errors, "replicas", "minReadySeconds", "revisionHistoryLimit");
        if (spec.Number("ordinals", "start") is < 0 and var start) errors.Invalid("spec.ordinals.start", start, "must be greater than or equal to 0");
        WorkloadRules.CheckSelectorAndTemplate(spec, "StatefulSet", "statefulset", errors);
        CheckUpdateStrategy(spec.Child("updateStrategy"), errors);
        // There is no storage behind claims here, and a set whose pods wait for ever would not say so.
        if (spec.Array("volumeClaimTemplates") is { Count: > 0 })
            errors.Forbidden("spec.volumeClaimTemplates", "nothing in this cluster provides volumes for claims; use an emptyDir or hostPath volume in the template");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        var (now, before) = ((JsonObject)obj.Child("spec").DeepClone(), old.Child("spec"));
        foreach (var name in Changeable) Keep(now, before, name);
        if (JsonNode.DeepEquals(now, before)) return;
        errors.Forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
    }

    private static void CheckUpdateStrategy(JsonObject strategy, FieldErrors errors)
    {
        const string Field = "spec.updateStrategy";
        switch (strategy.Text("type"))
        {
            case "OnDelete" when strategy.Object("rollingUpdate") is { } rolling:
                errors.Invalid($"{Field}.rollingUpdate", rolling.DeepClone(), "only allowed for updateStrategy 'RollingUpdate'");
                break;
            case "OnDelete":
                break;
            case "RollingUpdate":
                var update = strategy.Child("rollingUpdate");
                if (update.Number("partition") is < 0 and var partition)
                    errors.Invalid($"{Field}.rollingUpdate.partition", partition, "must be greater than or equal to 0");
                if (update.IsMissing("maxUnavailable")) break;
                IntOrPercent.Check(update, "maxUnavailable", $"{Field}.rollingUpdate", true, errors);
                if (IntOrPercent.IsZero(update, "maxUnavailable"))
                    errors.Invalid($"{Field}.rollingUpdate.maxUnavailable", update["maxUnavailable"]!.DeepClone(), "cannot be 0");
                break;
            default:
                errors.Invalid(Field, strategy.DeepClone(), "must be 'RollingUpdate' or 'OnDelete'");
                break;
        }
    }
}
