using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Scheduler;

/// <summary>The node for a pod, or why there is none.</summary>
internal readonly record struct Placement(string? Node, string Message);

/// <summary>Chooses a node for a pod: filter, then score.</summary>
internal static class SchedulerPlan
{
    public static Placement Place(PodItem pod, IReadOnlyCollection<NodeItem> nodes, NodeLoad load)
    {
        if (nodes.Count == 0) return new(null, "no nodes available to schedule pods");
        var group = NodeLoad.Group(pod);
        var neighbours = Neighbourhood.Of(pod, nodes, load);
        NodeItem? best = null;
        Score bestScore = default;
        var misfits = new List<IReadOnlyList<Misfit>>();
        foreach (var node in nodes)
        {
            var there = load.On(node.Name);
            var misfit = NodeFilter.Check(pod, node, there, neighbours);
            if (misfit.Count > 0)
            {
                misfits.Add(misfit);
                continue;
            }
            var score = new Score(neighbours.Preference(node), there.Of(group), Share(pod, node, there), there.Pods, node.Name);
            if (best is not null && score.CompareTo(bestScore) >= 0) continue;
            (best, bestScore) = (node, score);
        }
        return best is null ? new(null, Explain(nodes.Count, misfits)) : new(best.Name, "");
    }

    /// <summary>The mean of the shares of processor and memory that are requested on the node, this pod included.</summary>
    private static double Share(PodItem pod, NodeItem node, NodeLoad.Load load) =>
        (Part(load.MilliCpu + pod.Demand.Requests.MilliCpu, node.Allocatable.MilliCpu) + Part(load.Memory + pod.Demand.Requests.Memory, node.Allocatable.Memory)) / 2;

    private static double Part(long used, long all) => all <= 0 ? 0 : (double)used / all;

    /// <summary>kube-scheduler's message: how many nodes refuse for each reason, and whether driving pods out would help.</summary>
    private static string Explain(int nodes, List<IReadOnlyList<Misfit>> misfits)
    {
        var reasons = Histogram(misfits.SelectMany(misfit => misfit).Select(misfit => misfit.Reason));
        var preemption = Histogram(misfits.Select(misfit => misfit.All(reason => reason.MayHelpToPreempt)
            ? "No preemption victims found for incoming pod"
            : "Preemption is not helpful for scheduling"));
        return $"0/{nodes} nodes are available: {reasons}. no new claims to deallocate, preemption: 0/{nodes} nodes are available: {preemption}.";
    }

    private static string Histogram(IEnumerable<string> reasons) =>
        string.Join(", ", reasons.CountBy(reason => reason).Select(count => $"{count.Value} {count.Key}").Order(StringComparer.Ordinal));

    /// <summary>What the pod asks for by preference, then fewest pods of the same group, then least requested, then fewest pods; the name decides between equals.</summary>
    private readonly record struct Score(int Preference, int Siblings, double Share, int Pods, string Name) : IComparable<Score>
    {
        public int CompareTo(Score other)
        {
            var order = other.Preference.CompareTo(Preference);
            if (order == 0) order = Siblings.CompareTo(other.Siblings);
            if (order == 0) order = Share.CompareTo(other.Share);
            if (order == 0) order = Pods.CompareTo(other.Pods);
            return order != 0 ? order : string.CompareOrdinal(Name, other.Name);
        }
    }
}
