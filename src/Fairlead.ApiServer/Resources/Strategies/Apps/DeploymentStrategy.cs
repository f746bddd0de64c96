using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies.Apps;

/// <summary>Kubernetes API reference: "Deployment".</summary>
internal sealed class DeploymentStrategy : KindStrategy
{
    private const string Field = "spec.strategy";

    public override void Default(JsonObject obj)
    {
        var spec = obj.Child("spec");
        spec.SetDefault("replicas", 1);
        spec.SetDefault("revisionHistoryLimit", 10);
        spec.SetDefault("progressDeadlineSeconds", 600);
        var strategy = spec.Child("strategy");
        strategy.SetDefault("type", "RollingUpdate");
        if (strategy.Text("type") == "RollingUpdate")
        {
            var rolling = strategy.Child("rollingUpdate");
            rolling.SetDefault("maxUnavailable", "25%");
            rolling.SetDefault("maxSurge", "25%");
        }
        WorkloadRules.DefaultTemplate(spec);
    }

    // Kubernetes lets a write of any status change labels, but of this kind's.
    public override void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForStatusUpdate(obj, old);
        Keep(obj.Child("metadata"), old.Child("metadata"), "labels");
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        WorkloadRules.NotNegative(spec, errors, "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds");
        WorkloadRules.CheckSelectorAndTemplate(spec, "ReplicaSet", "deployment", errors);
        CheckStrategy(spec.Child("strategy"), errors);
        if (spec.Number("progressDeadlineSeconds") is { } deadline && deadline <= (spec.Number("minReadySeconds") ?? 0))
            errors.Invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors) => WorkloadRules.CheckSameSelector(obj, old, errors);

    private static void CheckStrategy(JsonObject strategy, FieldErrors errors)
    {
        switch (strategy.Text("type"))
        {
            case "Recreate" when strategy.Object("rollingUpdate") is not null:
                errors.Forbidden($"{Field}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
                break;
            case "Recreate":
                break;
            case "RollingUpdate":
                var rolling = strategy.Child("rollingUpdate");
                IntOrPercent.Check(rolling, "maxUnavailable", $"{Field}.rollingUpdate", true, errors);
                IntOrPercent.Check(rolling, "maxSurge", $"{Field}.rollingUpdate", false, errors);
                if (IntOrPercent.IsZero(rolling, "maxUnavailable") && IntOrPercent.IsZero(rolling, "maxSurge"))
                    errors.Invalid($"{Field}.rollingUpdate.maxUnavailable", rolling["maxUnavailable"]?.DeepClone(), "may not be 0 when `maxSurge` is 0");
                break;
            default:
                errors.NotSupported($"{Field}.type", strategy.Text("type") ?? "", "Recreate", "RollingUpdate");
                break;
        }
    }
}
