using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies.Apps;

/// <summary>Kubernetes API reference: "ReplicaSet".</summary>
internal sealed class ReplicaSetStrategy : KindStrategy
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Child("spec");
        spec.SetDefault("replicas", 1);
        WorkloadRules.DefaultTemplate(spec);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0 };

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        WorkloadRules.NotNegative(spec, errors, "replicas", "minReadySeconds");
        WorkloadRules.CheckSelectorAndTemplate(spec, "ReplicaSet", "deployment", errors);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors) => WorkloadRules.CheckSameSelector(obj, old, errors);
}
