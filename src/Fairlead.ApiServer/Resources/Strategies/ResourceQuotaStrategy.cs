using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>Kubernetes documentation: "Resource Quotas".</summary>
internal sealed class ResourceQuotaStrategy : KindStrategy
{
    private static readonly string[] Scopes = ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"];

    private static readonly string[] Counted =
    [
        "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    ];

    private static readonly string[] Measured =
    [
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage", "requests.storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
    ];

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        foreach (var (name, amount) in obj.Object("spec", "hard") ?? [])
        {
            if (NameRules.QualifiedName(name) is { } wrong) errors.Invalid($"spec.hard[{name}]", name, wrong);
            else if (!name.Contains('/', StringComparison.Ordinal) && !IsStandard(name)) errors.Invalid($"spec.hard[{name}]", name, "must be a standard resource for quota");
            var value = Quantity.Value(amount.Text() ?? "");
            if (Counted.Contains(name) && value != decimal.Truncate(value)) errors.Invalid($"spec.hard[{name}]", amount?.DeepClone(), "must be an integer");
            if (value < 0) errors.Invalid($"spec.hard[{name}]", amount?.DeepClone(), "must be greater than or equal to 0");
        }
        var i = 0;
        foreach (var scope in obj.Texts("spec", "scopes"))
        {
            if (!Scopes.Contains(scope)) errors.Invalid($"spec.scopes[{i}]", scope, "unsupported scope");
            i++;
        }
    }

    /// <summary>Whether Kubernetes knows the resource by this name; others have a group or a domain in theirs.</summary>
    private static bool IsStandard(string name) => Counted.Contains(name) || Measured.Contains(name)
        || name.StartsWith("hugepages-", StringComparison.Ordinal) || name.StartsWith("requests.hugepages-", StringComparison.Ordinal);

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (!JsonNode.DeepEquals(obj.At("spec", "scopes"), old.At("spec", "scopes"))) errors.Invalid("spec.scopes", obj.At("spec", "scopes")?.DeepClone(), "field is immutable");
    }
}
