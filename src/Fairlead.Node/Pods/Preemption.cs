using System.Collections.Immutable;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>
/// Which pods go so that a critical one fits, which the node takes though the scheduler would not have (Kubernetes documentation: "Guaranteed
/// Scheduling For Critical Add-On Pods"; kubernetes/kubernetes, pkg/kubelet/preemption). Pure.
/// </summary>
internal static class Preemption
{
    /// <summary>Of the system's own priority classes; from here on a pod is critical.</summary>
    public const int SystemCritical = 2_000_000_000;

    private static readonly ImmutableArray<string> Classes = ["BestEffort", "Burstable", "Guaranteed"];

    public static bool IsCritical(V1Pod pod) =>
        pod.Spec.Priority >= SystemCritical || Static.StaticPodFile.IsStatic(pod) || Static.StaticPodFile.IsMirror(pod);

    /// <param name="others">The pods that the node has and that none has preempted yet.</param>
    /// <returns>The fewest that matter most; null: it would not fit without them either, or something else than room is missing.</returns>
    public static ImmutableArray<V1Pod>? Choose(V1Pod pod, NodeOffer node, IReadOnlyCollection<V1Pod> others)
    {
        var candidates = others.Where(other => GivesWay(other, pod)).ToList();
        var staying = others.Except(candidates).ToList();
        if (AdmissionRule.Check(pod, node, staying) is not null) return null;
        var victims = ImmutableArray.CreateBuilder<V1Pod>();
        // Whoever matters most is the first to be let stay.
        foreach (var candidate in candidates.OrderByDescending(other => Classes.IndexOf(QualityOfService.Of(other.Spec))).ThenByDescending(other => other.Spec.Priority ?? 0))
        {
            if (AdmissionRule.Check(pod, node, [.. staying, candidate]) is null) staying.Add(candidate);
            else victims.Add(candidate);
        }
        return victims.ToImmutable();
    }

    private static bool GivesWay(V1Pod pod, V1Pod critical) => !IsCritical(pod) || (pod.Spec.Priority is { } own && critical.Spec.Priority > own);
}
