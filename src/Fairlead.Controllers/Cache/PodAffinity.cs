using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>Where a pod wants to be as seen from other pods and from the labels of nodes, beyond what filters by its own node alone.</summary>
internal sealed record PodAffinity
{
    public static readonly PodAffinity None = new();

    /// <summary>Domains where each of these is already.</summary>
    public ValueList<PodTerm> With { get; init; } = [];
    /// <summary>Domains where none of these is.</summary>
    public ValueList<PodTerm> Without { get; init; } = [];
    public ValueList<SpreadRule> Spread { get; init; } = [];
    /// <summary>Preferences of nodes and of neighbours; a negative weight: rather not.</summary>
    public ValueList<(int Weight, NodeTerm Term)> PreferredNodes { get; init; } = [];
    public ValueList<(int Weight, PodTerm Term)> PreferredPods { get; init; } = [];

    public static PodAffinity From(V1PodSpec spec)
    {
        var (with, without, nodes) = (spec.Affinity?.PodAffinity, spec.Affinity?.PodAntiAffinity, spec.Affinity?.NodeAffinity);
        if (with is null && without is null && nodes is null && spec.TopologySpreadConstraints is null) return None;
        return new PodAffinity
        {
            With = [.. (with?.RequiredDuringSchedulingIgnoredDuringExecution ?? []).Select(PodTerm.From)],
            Without = [.. (without?.RequiredDuringSchedulingIgnoredDuringExecution ?? []).Select(PodTerm.From)],
            Spread = [.. (spec.TopologySpreadConstraints ?? []).Select(SpreadRule.From)],
            PreferredNodes = [.. (nodes?.PreferredDuringSchedulingIgnoredDuringExecution ?? []).Select(term => (term.Weight, NodeTerm.From(term.Preference)))],
            PreferredPods =
            [
                .. (with?.PreferredDuringSchedulingIgnoredDuringExecution ?? []).Select(term => (term.Weight, PodTerm.From(term.PodAffinityTerm))),
                .. (without?.PreferredDuringSchedulingIgnoredDuringExecution ?? []).Select(term => (-term.Weight, PodTerm.From(term.PodAffinityTerm))),
            ],
        };
    }
}

/// <summary>Pods of some namespaces that a selector matches, in the domain that the node's label of that key names.</summary>
/// <param name="Namespaces">Empty: the pod's own.</param>
internal sealed record PodTerm(SelectorItem Selector, string TopologyKey, ValueList<string> Namespaces, bool AllNamespaces)
{
    public static PodTerm From(V1PodAffinityTerm term) => new(
        SelectorItem.From(term.LabelSelector), term.TopologyKey, [.. term.Namespaces ?? []],
        term.NamespaceSelector is { } spaces && SelectorItem.From(spaces).IsEmpty);

    /// <param name="own">Namespace of the pod whose term this is.</param>
    public bool Matches(string own, PodItem other) =>
        (AllNamespaces || (Namespaces.Count == 0 ? other.Key.Namespace == own : Namespaces.Contains(other.Key.Namespace))) && Selector.Matches(other.Labels);
}

/// <summary>Kubernetes documentation: "Pod Topology Spread Constraints".</summary>
/// <param name="IsHard">DoNotSchedule; else ScheduleAnyway.</param>
/// <param name="SameLabels">matchLabelKeys: pods count that bear the same values of these.</param>
internal sealed record SpreadRule(int MaxSkew, string TopologyKey, SelectorItem Selector, bool IsHard, int MinDomains, ValueList<string> SameLabels)
{
    public static SpreadRule From(V1TopologySpreadConstraint rule) => new(
        rule.MaxSkew, rule.TopologyKey, SelectorItem.From(rule.LabelSelector), rule.WhenUnsatisfiable != "ScheduleAnyway", rule.MinDomains ?? 1, [.. rule.MatchLabelKeys ?? []]);

    public bool Counts(PodItem pod, PodItem other) =>
        other.Key.Namespace == pod.Key.Namespace && !other.Meta.IsDeleting && Selector.Matches(other.Labels)
        && SameLabels.All(key => other.Labels.TryGetValue(key, out var theirs) && pod.Labels.TryGetValue(key, out var mine) && theirs == mine);
}
