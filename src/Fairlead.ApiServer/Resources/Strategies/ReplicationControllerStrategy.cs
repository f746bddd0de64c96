using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

internal sealed class ReplicationControllerStrategy : KindStrategy
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Child("spec");
        spec.SetDefault("replicas", 1);
        var labels = spec.Object("template", "metadata", "labels");
        if (labels is { Count: > 0 })
        {
            if (spec.Object("selector") is not { Count: > 0 }) spec["selector"] = labels.DeepClone();
            var metadata = obj.Child("metadata");
            if (metadata.Object("labels") is not { Count: > 0 }) metadata["labels"] = labels.DeepClone();
        }
        if (spec.Object("template", "spec") is { } template) PodSpecDefaults.Apply(template);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0 };

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        if (spec.Number("replicas") is < 0 and var replicas) errors.Invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        if (spec.Number("minReadySeconds") is < 0 and var seconds) errors.Invalid("spec.minReadySeconds", seconds, "must be greater than or equal to 0");
        var selector = spec.Object("selector");
        if (selector is not { Count: > 0 }) errors.Required("spec.selector");
        if (spec.Object("template") is not { } template)
        {
            errors.Required("spec.template");
            return;
        }
        LabelRules.Check(template.Object("metadata", "labels"), "spec.template.labels", errors);
        foreach (var (key, value) in selector ?? [])
        {
            if (template.Text("metadata", "labels", key) == value.Text()) continue;
            errors.Invalid("spec.template.metadata.labels", template.At("metadata", "labels")?.DeepClone() ?? new JsonObject(), "`selector` does not match template `labels`");
            break;
        }
        PodSpecRules.Validate(template.Child("spec"), "spec.template.spec", errors);
        var policy = template.Text("spec", "restartPolicy");
        if (policy is "OnFailure" or "Never") errors.NotSupported("spec.template.spec.restartPolicy", policy, "Always");
        if (template.Number("spec", "activeDeadlineSeconds") is not null) errors.Forbidden("spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicationController is not Supported");
    }
}
