using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies.Apps;

/// <summary>Kubernetes API reference: "DaemonSet".</summary>
internal sealed class DaemonSetStrategy : KindStrategy
{
    private const string Field = "spec.updateStrategy";

    public override void Default(JsonObject obj)
    {
        var spec = obj.Child("spec");
        spec.SetDefault("revisionHistoryLimit", 10);
        var strategy = spec.Child("updateStrategy");
        strategy.SetDefault("type", "RollingUpdate");
        if (strategy.Text("type") == "RollingUpdate")
        {
            var rolling = strategy.Child("rollingUpdate");
            rolling.SetDefault("maxUnavailable", 1);
            rolling.SetDefault("maxSurge", 0);
        }
        WorkloadRules.DefaultTemplate(spec);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject
    {
        ["currentNumberScheduled"] = 0, ["numberMisscheduled"] = 0, ["desiredNumberScheduled"] = 0, ["numberReady"] = 0,
    };

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        WorkloadRules.NotNegative(spec, errors, "minReadySeconds", "revisionHistoryLimit");
        WorkloadRules.CheckSelectorAndTemplate(spec, "DaemonSet", "daemonset", errors);
        var strategy = spec.Child("updateStrategy");
        if (strategy.Text("type") == "OnDelete") return;
        if (strategy.Text("type") != "RollingUpdate")
        {
            errors.NotSupported($"{Field}.type", strategy.Text("type") ?? "", "RollingUpdate", "OnDelete");
            return;
        }
        var rolling = strategy.Child("rollingUpdate");
        IntOrPercent.Check(rolling, "maxUnavailable", $"{Field}.rollingUpdate", true, errors);
        IntOrPercent.Check(rolling, "maxSurge", $"{Field}.rollingUpdate", true, errors);
        var (someGone, someMore) = (!IntOrPercent.IsZero(rolling, "maxUnavailable"), !IntOrPercent.IsZero(rolling, "maxSurge"));
        if (someGone && someMore) errors.Invalid($"{Field}.rollingUpdate.maxSurge", rolling["maxSurge"]?.DeepClone(), "may not be set when maxUnavailable is non-zero");
        if (!someGone && !someMore) errors.Required($"{Field}.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors) => WorkloadRules.CheckSameSelector(obj, old, errors);
}
