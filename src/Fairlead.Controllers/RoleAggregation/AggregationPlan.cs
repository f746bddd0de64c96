using System.Text.Json;
using Fairlead.Kube;
using Fairlead.Kube.Selectors;

namespace Fairlead.Controllers.RoleAggregation;

/// <summary>A ClusterRole as the aggregation sees it.</summary>
/// <param name="Selectors">Of the roles whose rules it gathers; null: its rules are its own.</param>
/// <param name="Rules">Each as its JSON.</param>
internal sealed record RoleItem(
    string Name, string ResourceVersion, IReadOnlyDictionary<string, string> Labels, IReadOnlyList<LabelSelector>? Selectors, IReadOnlyList<string> Rules);

/// <summary>Which rules an aggregating role has (Kubernetes documentation: "Using RBAC Authorization", aggregated ClusterRoles).</summary>
internal static class AggregationPlan
{
    /// <summary>The rules of all roles that one of its selectors matches, by name, each once; null where they are what it has.</summary>
    public static IReadOnlyList<string>? RulesOf(RoleItem role, IEnumerable<RoleItem> all)
    {
        if (role.Selectors is not { } selectors) return null;
        var sources = all.Where(other => other.Name != role.Name).OrderBy(other => other.Name, StringComparer.Ordinal).ToList();
        var gathered = new List<string>();
        var seen = new HashSet<string>();
        foreach (var selector in selectors)
        {
            foreach (var rule in sources.Where(source => selector.Matches(source.Labels)).SelectMany(source => source.Rules))
            {
                if (seen.Add(rule)) gathered.Add(rule);
            }
        }
        return gathered.SequenceEqual(role.Rules) ? null : gathered;
    }
}
