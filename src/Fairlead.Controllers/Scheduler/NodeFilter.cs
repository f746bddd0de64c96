using System.Globalization;
using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Scheduler;

/// <summary>Why a node cannot take a pod, in kube-scheduler's words.</summary>
/// <param name="MayHelpToPreempt">Whether the node could take the pod if other pods left it.</param>
internal readonly record struct Misfit(string Reason, bool MayHelpToPreempt);

/// <summary>Whether a node can take a pod (Kubernetes documentation: "Assigning Pods to Nodes", "Taints and Tolerations").</summary>
internal static class NodeFilter
{
    private static readonly Taint NotReady = new("node.kubernetes.io/not-ready", "", "NoSchedule");
    private static readonly Taint Unschedulable = new("node.kubernetes.io/unschedulable", "", "NoSchedule");

    /// <summary>Empty where the node fits. Only resources can be short in more than one way; else the first reason is enough.</summary>
    public static IReadOnlyList<Misfit> Check(PodItem pod, NodeItem node, NodeLoad.Load load)
    {
        if (node.IsUnschedulable && !Tolerates(pod, Unschedulable)) return [new("node(s) were unschedulable", false)];
        if (HasUntoleratedTaint(pod, node)) return [new("node(s) had untolerated taint(s)", false)];
        if (!MatchesAffinity(pod, node)) return [new("node(s) didn't match Pod's node affinity/selector", false)];
        if (HasPortConflict(pod, load)) return [new("node(s) didn't have free ports for the requested pod ports", true)];
        return Shortages(pod, node, load);
    }

    /// <summary>A node that is not ready counts as tainted even before the node lifecycle controller has tainted it.</summary>
    private static bool HasUntoleratedTaint(PodItem pod, NodeItem node)
    {
        foreach (var taint in node.Taints.AsSpan())
        {
            if (taint.Effect is "NoSchedule" or "NoExecute" && !Tolerates(pod, taint)) return true;
        }
        return node.Ready != "True" && !Tolerates(pod, NotReady);
    }

    private static bool Tolerates(PodItem pod, Taint taint)
    {
        foreach (var toleration in pod.Demand.Tolerations.AsSpan())
        {
            if (toleration.Tolerates(taint)) return true;
        }
        return false;
    }

    private static bool MatchesAffinity(PodItem pod, NodeItem node)
    {
        foreach (var (key, value) in pod.Demand.NodeSelector)
        {
            if (!node.Labels.TryGetValue(key, out var theirs) || theirs != value) return false;
        }
        return !pod.Demand.RequiresAffinity || pod.Demand.Affinity.Any(term => Matches(term, node));
    }

    /// <summary>A term without any requirement matches no node.</summary>
    private static bool Matches(NodeTerm term, NodeItem node) =>
        term.Expressions.Count + term.Fields.Count > 0
        && term.Expressions.All(requirement => Matches(requirement, node.Labels.TryGetValue(requirement.Key, out var value) ? value : null))
        && term.Fields.All(requirement => requirement.Key == "metadata.name" && Matches(requirement, node.Name));

    private static bool Matches(NodeRequirement requirement, string? value) => requirement.Operator switch
    {
        "In" => value is not null && requirement.Values.Contains(value),
        "NotIn" => value is null || !requirement.Values.Contains(value),
        "Exists" => value is not null,
        "DoesNotExist" => value is null,
        "Gt" => Compare(value, requirement) > 0,
        "Lt" => Compare(value, requirement) < 0,
        _ => false,
    };

    /// <summary>0 also where either side is no number: neither Gt nor Lt holds then.</summary>
    private static int Compare(string? value, NodeRequirement requirement) =>
        requirement.Values.Count == 1
        && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var mine)
        && long.TryParse(requirement.Values[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var theirs)
            ? mine.CompareTo(theirs)
            : 0;

    private static bool HasPortConflict(PodItem pod, NodeLoad.Load load)
    {
        foreach (var port in pod.Ports.AsSpan())
        {
            if (port.HostPort > 0 && load.HostPorts.Any(taken => Conflicts(port, taken))) return true;
        }
        return false;
    }

    /// <summary>The unspecified address takes the port on all addresses.</summary>
    private static bool Conflicts(PodPort a, PodPort b) =>
        a.HostPort == b.HostPort && a.Protocol == b.Protocol && (a.HostIp == b.HostIp || IsAny(a.HostIp) || IsAny(b.HostIp));

    private static bool IsAny(string address) => address is "" or "0.0.0.0";

    private static List<Misfit> Shortages(PodItem pod, NodeItem node, NodeLoad.Load load)
    {
        var found = new List<Misfit>();
        if (load.Pods + 1 > node.MaxPods) found.Add(new("Too many pods", true));
        if (IsShort(pod.Demand.MilliCpu, load.MilliCpu, node.MilliCpu)) found.Add(new("Insufficient cpu", pod.Demand.MilliCpu <= node.MilliCpu));
        if (IsShort(pod.Demand.Memory, load.Memory, node.Memory)) found.Add(new("Insufficient memory", pod.Demand.Memory <= node.Memory));
        return found;
    }

    private static bool IsShort(long wanted, long used, long all) => wanted > 0 && wanted > all - used;
}
