using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.TaintEviction;

/// <summary>Which pods a node's taints drive out, and when (Kubernetes documentation: "Taints and Tolerations", taint based evictions).</summary>
internal static class EvictionPlan
{
    public static bool Repels(NodeItem node) => node.Taints.Any(taint => taint.Effect == "NoExecute");

    /// <summary>How long the pod may stay; null: for ever.</summary>
    public static TimeSpan? Stay(PodItem pod, NodeItem node)
    {
        long? least = null;
        foreach (var taint in node.Taints)
        {
            if (taint.Effect != "NoExecute") continue;
            var tolerating = pod.Demand.Tolerations.Where(toleration => toleration.Tolerates(taint)).ToList();
            if (tolerating.Count == 0) return TimeSpan.Zero;
            foreach (var toleration in tolerating)
            {
                if (toleration.Seconds is { } seconds && (least is null || seconds < least)) least = Math.Max(0, seconds);
            }
        }
        return least is { } time ? TimeSpan.FromSeconds(time) : null;
    }
}
