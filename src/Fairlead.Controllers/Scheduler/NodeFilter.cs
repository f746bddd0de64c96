using Fairlead.Controllers.Cache;
using Fairlead.Kube.Placement;

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
    public static IReadOnlyList<Misfit> Check(PodItem pod, NodeItem node, NodeLoad.Load load, Neighbourhood neighbours)
    {
        if (node.IsUnschedulable && !pod.Demand.Tolerates(Unschedulable)) return [new("node(s) were unschedulable", false)];
        if (HasUntoleratedTaint(pod, node)) return [new("node(s) had untolerated taint(s)", false)];
        if (!MatchesAffinity(pod.Demand, node)) return [new("node(s) didn't match Pod's node affinity/selector", false)];
        if (HasPortConflict(pod, load)) return [new("node(s) didn't have free ports for the requested pod ports", true)];
        if (Shortages(pod, node, load) is { Count: > 0 } shortages) return shortages;
        return neighbours.Check(node) is { } misfit ? [misfit] : [];
    }

    /// <summary>A node that is not ready counts as tainted even before the node lifecycle controller has tainted it.</summary>
    private static bool HasUntoleratedTaint(PodItem pod, NodeItem node)
    {
        foreach (var taint in node.Taints.AsSpan())
        {
            if (taint.Effect is "NoSchedule" or "NoExecute" && !pod.Demand.Tolerates(taint)) return true;
        }
        return node.Ready != "True" && !pod.Demand.Tolerates(NotReady);
    }

    /// <summary>Whether the node is one of those that the pod's nodeSelector and required node affinity allow.</summary>
    public static bool MatchesAffinity(PodDemand demand, NodeItem node)
    {
        foreach (var (key, value) in demand.NodeSelector)
        {
            if (!node.Labels.TryGetValue(key, out var theirs) || theirs != value) return false;
        }
        return !demand.RequiresAffinity || demand.Affinity.Any(term => Matches(term, node));
    }

    /// <summary>A term without any requirement matches no node.</summary>
    public static bool Matches(NodeTerm term, NodeItem node) =>
        term.Expressions.Count + term.Fields.Count > 0
        && term.Expressions.All(requirement => Matches(requirement, node.Labels.TryGetValue(requirement.Key, out var value) ? value : null))
        && term.Fields.All(requirement => requirement.Key == "metadata.name" && Matches(requirement, node.Name));

    private static bool Matches(NodeRequirement requirement, string? value) => NodeRequirementRule.Holds(requirement.Operator, requirement.Values, value);

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
        var (wanted, all) = (pod.Demand.Requests, node.Allocatable);
        Add("cpu", wanted.MilliCpu, load.MilliCpu, all.MilliCpu);
        Add("memory", wanted.Memory, load.Memory, all.Memory);
        Add("ephemeral-storage", wanted.EphemeralStorage, load.EphemeralStorage, all.EphemeralStorage);
        foreach (var other in wanted.Others) Add(other.Name, other.Value, load.Others.GetValueOrDefault(other.Name), all.Other(other.Name) ?? 0);
        return found;

        // What is more than the whole node no other pod can make room for.
        void Add(string resource, long asked, long used, long there)
        {
            if (asked > 0 && asked > there - used) found.Add(new($"Insufficient {resource}", asked <= there));
        }
    }
}
