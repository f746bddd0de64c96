using System.Collections.Immutable;
using Fairlead.Node.Pods;
using k8s.Models;

namespace Fairlead.Node.Shutdown;

/// <summary>Pods that end together when the machine shuts down.</summary>
/// <param name="Time">What they have, at the most, until the next ones are ended.</param>
internal sealed record ShutdownGroup(TimeSpan Time, ImmutableArray<V1Pod> Pods);

/// <summary>In which order a node's pods end when its machine shuts down (Kubernetes documentation: "Node Shutdowns"). Pure.</summary>
internal static class ShutdownPlan
{
    /// <returns>First those that are not critical; no group is empty.</returns>
    public static ImmutableArray<ShutdownGroup> Groups(IEnumerable<V1Pod> pods, ShutdownGrace grace)
    {
        var isCritical = pods.Where(pod => pod.Status?.Phase is not ("Succeeded" or "Failed")).ToLookup(pod => pod.Spec.Priority >= Preemption.SystemCritical);
        ShutdownGroup[] groups = [new(grace.Total - grace.Critical, [.. isCritical[false]]), new(grace.Critical, [.. isCritical[true]])];
        return [.. groups.Where(group => group.Pods.Length > 0)];
    }
}
