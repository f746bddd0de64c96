using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>What a container asks and may have (Kubernetes documentation: "Resource Management for Pods and Containers").</summary>
internal static class ResourceRules
{
    public static void Validate(JsonObject resources, string field, FieldErrors errors)
    {
        foreach (var part in (ReadOnlySpan<string>)["limits", "requests"])
        {
            foreach (var (name, amount) in resources.Object(part) ?? [])
            {
                if (Quantity.Value(amount.Text() ?? "") < 0) errors.Invalid($"{field}.{part}[{name}]", amount?.DeepClone(), "must be greater than or equal to 0");
            }
        }
        foreach (var (name, amount) in resources.Object("requests") ?? [])
        {
            var (asked, limit) = (amount.Text() ?? "", resources.Text("limits", name));
            if (limit is null)
            {
                if (IsCounted(name)) errors.Required($"{field}.limits", "Limit must be set for non overcommitable resources");
                continue;
            }
            var order = Quantity.Compare(asked, limit);
            if (IsCounted(name) && order != 0) errors.Invalid($"{field}.requests", asked, $"must be equal to {name} limit of {limit}");
            else if (order > 0) errors.Invalid($"{field}.requests", asked, $"must be less than or equal to {name} limit of {limit}");
        }
    }

    /// <summary>Devices and pages of their own, of which nobody can be given more than there are.</summary>
    private static bool IsCounted(string name) =>
        name.StartsWith("hugepages-", StringComparison.Ordinal) || (name.Contains('/', StringComparison.Ordinal) && !name.Contains("kubernetes.io/", StringComparison.Ordinal));
}
