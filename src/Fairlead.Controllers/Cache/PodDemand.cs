using Fairlead.Kube.Placement;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What a pod asks of the node that it is to run on.</summary>
internal sealed record PodDemand(string SchedulerName, NodeResources Requests, ValueMap NodeSelector)
{
    public ValueList<Toleration> Tolerations { get; init; } = [];
    /// <summary>The terms of which one must match; empty without required node affinity.</summary>
    public ValueList<NodeTerm> Affinity { get; init; } = [];
    public bool RequiresAffinity { get; init; }
    public PodAffinity Neighbours { get; init; } = PodAffinity.None;
    /// <summary>Number of scheduling gates that still hold the pod back.</summary>
    public int Gates { get; init; }

    public bool Tolerates(Taint taint)
    {
        foreach (var toleration in Tolerations.AsSpan())
        {
            if (toleration.Tolerates(taint)) return true;
        }
        return false;
    }

    /// <summary>The only node that the pod may run on, by name, as DaemonSets ask for it; empty where it names none so.</summary>
    public string OnlyNode => Affinity is [{ Fields: [{ Key: "metadata.name", Operator: "In", Values: [var name] }] }] ? name : "";

    public static PodDemand From(V1PodSpec spec)
    {
        var required = spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution;
        return new PodDemand(spec.SchedulerName ?? "default-scheduler", NodeResources.Requested(spec), ValueMap.From(spec.NodeSelector))
        {
            Tolerations = [.. (spec.Tolerations ?? []).Select(Toleration.From)],
            RequiresAffinity = required is not null,
            Affinity = [.. (required?.NodeSelectorTerms ?? []).Select(NodeTerm.From)],
            Neighbours = PodAffinity.From(spec),
            Gates = spec.SchedulingGates?.Count ?? 0,
        };
    }
}

/// <summary>Kubernetes documentation: "Taints and Tolerations". An empty key with Exists tolerates every taint, an empty effect every effect.</summary>
internal sealed record Toleration(string Key, string Operator, string Value, string Effect)
{
    public static Toleration From(V1Toleration toleration) =>
        new(toleration.Key ?? "", toleration.OperatorProperty ?? "Equal", toleration.Value ?? "", toleration.Effect ?? "") { Seconds = toleration.TolerationSeconds };

    /// <summary>How long a NoExecute taint is tolerated; null: for ever.</summary>
    public long? Seconds { get; init; }

    public bool Tolerates(Taint taint) =>
        TolerationRule.Covers((Key, Operator, Value, Effect), (taint.Key, taint.Value, taint.Effect));
}

internal sealed record Taint(string Key, string Value, string Effect)
{
    public static Taint From(V1Taint taint) => new(taint.Key, taint.Value ?? "", taint.Effect);
}

/// <summary>One node selector term: all of its requirements must hold.</summary>
internal sealed record NodeTerm(ValueList<NodeRequirement> Expressions, ValueList<NodeRequirement> Fields)
{
    public static NodeTerm From(V1NodeSelectorTerm term) => new(
        [.. (term.MatchExpressions ?? []).Select(NodeRequirement.From)],
        [.. (term.MatchFields ?? []).Select(NodeRequirement.From)]);
}

internal sealed record NodeRequirement(string Key, string Operator, ValueList<string> Values)
{
    public static NodeRequirement From(V1NodeSelectorRequirement requirement) =>
        new(requirement.Key, requirement.OperatorProperty, [.. requirement.Values ?? []]);
}
