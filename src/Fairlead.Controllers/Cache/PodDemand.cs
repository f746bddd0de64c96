using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What a pod asks of the node that it is to run on.</summary>
/// <param name="MilliCpu">Requested processor time, thousandths of a core.</param>
/// <param name="Memory">Requested memory in bytes.</param>
internal sealed record PodDemand(string SchedulerName, long MilliCpu, long Memory, ValueMap NodeSelector)
{
    public ValueList<Toleration> Tolerations { get; init; } = [];
    /// <summary>The terms of which one must match; empty without required node affinity.</summary>
    public ValueList<NodeTerm> Affinity { get; init; } = [];
    public bool RequiresAffinity { get; init; }
    /// <summary>Number of scheduling gates that still hold the pod back.</summary>
    public int Gates { get; init; }

    public static PodDemand From(V1PodSpec spec)
    {
        var required = spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution;
        return new PodDemand(spec.SchedulerName ?? "default-scheduler", Request(spec, "cpu", 1000), Request(spec, "memory", 1), ValueMap.From(spec.NodeSelector))
        {
            Tolerations = [.. (spec.Tolerations ?? []).Select(Toleration.From)],
            RequiresAffinity = required is not null,
            Affinity = [.. (required?.NodeSelectorTerms ?? []).Select(NodeTerm.From)],
            Gates = spec.SchedulingGates?.Count ?? 0,
        };
    }

    /// <summary>
    /// The pod's effective request: the sum over containers and sidecars, or the largest init container with the sidecars
    /// started before it if that is more, plus overhead (Kubernetes documentation: "Init Containers", resource sharing).
    /// </summary>
    private static long Request(V1PodSpec spec, string resource, int scale)
    {
        var running = (spec.Containers ?? []).Sum(container => Amount(container.Resources?.Requests, resource, scale));
        long sidecars = 0, peak = 0;
        foreach (var init in spec.InitContainers ?? [])
        {
            var amount = Amount(init.Resources?.Requests, resource, scale);
            if (init.RestartPolicy == "Always") sidecars += amount;
            peak = Math.Max(peak, init.RestartPolicy == "Always" ? sidecars : sidecars + amount);
        }
        return Math.Max(running + sidecars, peak) + Amount(spec.Overhead, resource, scale);
    }

    internal static long Amount(IDictionary<string, ResourceQuantity>? amounts, string resource, int scale) =>
        amounts is not null && amounts.TryGetValue(resource, out var quantity) ? (long)Math.Ceiling(quantity.ToDecimal() * scale) : 0;
}

/// <summary>Kubernetes documentation: "Taints and Tolerations". An empty key with Exists tolerates every taint, an empty effect every effect.</summary>
internal sealed record Toleration(string Key, string Operator, string Value, string Effect)
{
    public static Toleration From(V1Toleration toleration) =>
        new(toleration.Key ?? "", toleration.OperatorProperty ?? "Equal", toleration.Value ?? "", toleration.Effect ?? "");

    public bool Tolerates(Taint taint) =>
        (Effect.Length == 0 || Effect == taint.Effect)
        && (Key.Length == 0 || Key == taint.Key)
        && (Operator == "Exists" || (Operator == "Equal" && Key.Length > 0 && Value == taint.Value));
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
