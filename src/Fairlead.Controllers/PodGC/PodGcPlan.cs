using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.PodGC;

/// <summary>Pods that nobody else will ever finish (Kubernetes documentation: "Pod Lifecycle", garbage collection of Pods).</summary>
internal static class PodGcPlan
{
    /// <param name="isGone">Whether the node of this name has been missing for long enough.</param>
    public static IReadOnlyList<PodItem> Doomed(IEnumerable<PodItem> pods, Func<string, bool> isGone) =>
    [
        .. pods.Where(pod => pod.NodeName.Length == 0
            ? pod.Meta.IsDeleting && pod.Meta.Finalizers.Count == 0
            : isGone(pod.NodeName)),
    ];
}
