using System.Globalization;
using Fairlead.Kube.Placement;
using Fairlead.Node.Network;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>
/// Whether a pod fits on the node beside those that it has, with kubelet's reasons and words, which tell the first thing that does not fit
/// (kubernetes/kubernetes, pkg/kubelet/lifecycle/predicate.go).
/// </summary>
internal static class AdmissionRule
{
    /// <summary>Of every pod that comes while the machine shuts down (kubernetes/kubernetes, pkg/kubelet/nodeshutdown).</summary>
    public static readonly PodVerdict ShuttingDown = new("NodeShutdown", "Pod was rejected as the node is shutting down.");

    /// <param name="others">The pods that the node has taken and that have not come to their end.</param>
    /// <returns>Null: it fits.</returns>
    public static PodVerdict? Check(V1Pod pod, NodeOffer node, IReadOnlyCollection<V1Pod> others)
    {
        if (pod.Spec.Os?.Name is { Length: > 0 } os && os != "linux") return new("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS");
        if (SysctlRule.Check(pod.Spec, node.AllowedSysctls) is { } forbidden) return forbidden;
        if (Shortage(pod.Spec, node, others) is { } shortage) return shortage;
        if (!MatchesAffinity(pod.Spec, node)) return Failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
        if (pod.Spec.NodeName is { Length: > 0 } name && name != node.Name) return Failed("NodeName", "node(s) didn't match the requested node name");
        if (HasRival(pod.Spec, others)) return Failed("NodePorts", "node(s) didn't have free ports for the requested pod ports");
        return IsDrivenOut(pod.Spec, node) ? Failed("TaintToleration", "node(s) had taints that the pod didn't tolerate") : null;
    }

    private static PodVerdict Failed(string predicate, string why) => new(predicate, $"Predicate {predicate} failed: {why}");

    private static PodVerdict? Shortage(V1PodSpec spec, NodeOffer node, IReadOnlyCollection<V1Pod> others)
    {
        if (others.Count + 1 > node.MaxPods) return OutOf("pods", 1, others.Count, node.MaxPods);
        var wanted = NodeResources.Requested(spec);
        if (wanted == NodeResources.None) return null;
        var taken = others.Select(other => NodeResources.Requested(other.Spec)).ToList();
        return Compare("cpu", amounts => amounts.MilliCpu)
            ?? Compare("memory", amounts => amounts.Memory)
            ?? Compare("ephemeral-storage", amounts => amounts.EphemeralStorage)
            // Of what the node knows nothing, somebody else takes care: a resource of the whole cluster.
            ?? wanted.Others.Where(other => node.Allocatable.Other(other.Name) is not null)
                .Select(other => Compare(other.Name, amounts => amounts.Other(other.Name) ?? 0)).FirstOrDefault(verdict => verdict is not null);

        PodVerdict? Compare(string resource, Func<NodeResources, long> amount)
        {
            var (asked, used, there) = (amount(wanted), taken.Sum(amount), amount(node.Allocatable));
            return asked > 0 && asked > there - used ? OutOf(resource, asked, used, there) : null;
        }
    }

    private static PodVerdict OutOf(string resource, long asked, long used, long there) => new(
        $"OutOf{resource}",
        string.Create(CultureInfo.InvariantCulture, $"Node didn't have enough resource: {resource}, requested: {asked}, used: {used}, capacity: {there}"));

    private static bool MatchesAffinity(V1PodSpec spec, NodeOffer node)
    {
        foreach (var (name, value) in spec.NodeSelector ?? new Dictionary<string, string>())
        {
            if (node.Label(name) != value) return false;
        }
        return spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution is not { } required
            || (required.NodeSelectorTerms ?? []).Any(term => Matches(term, node));
    }

    /// <summary>A term without any requirement matches no node.</summary>
    private static bool Matches(V1NodeSelectorTerm term, NodeOffer node) =>
        (term.MatchExpressions?.Count ?? 0) + (term.MatchFields?.Count ?? 0) > 0
        && (term.MatchExpressions ?? []).All(one => NodeRequirementRule.Holds(one.OperatorProperty, [.. one.Values ?? []], node.Label(one.Key)))
        && (term.MatchFields ?? []).All(one => one.Key == "metadata.name" && NodeRequirementRule.Holds(one.OperatorProperty, [.. one.Values ?? []], node.Name));

    private static bool HasRival(V1PodSpec spec, IReadOnlyCollection<V1Pod> others)
    {
        var wanted = HostPortRules.Claimed(spec);
        return wanted.Count > 0 && others.Any(other => HostPortRules.Claimed(other.Spec).Any(theirs => wanted.Any(ours => Collide(ours, theirs))));
    }

    private static bool Collide(PortMapping a, PortMapping b) =>
        a.HostPort == b.HostPort && a.Protocol == b.Protocol && (a.HostAddress is null || b.HostAddress is null || a.HostAddress.Equals(b.HostAddress));

    private static bool IsDrivenOut(V1PodSpec spec, NodeOffer node) => node.Taints.Any(taint => !(spec.Tolerations ?? []).Any(toleration => TolerationRule.Covers(
        (toleration.Key ?? "", toleration.OperatorProperty ?? "Equal", toleration.Value ?? "", toleration.Effect ?? ""), (taint.Key, taint.Value, "NoExecute"))));
}
