using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Replicas;
using Fairlead.Controllers.Scheduler;

namespace Fairlead.Controllers.DaemonSet;

/// <summary>What has to happen for a DaemonSet.</summary>
/// <param name="Create">Names of the nodes that are to get a pod.</param>
internal sealed record DaemonSetDecision(IReadOnlyList<string> Create, IReadOnlyList<PodItem> Delete, DaemonSetStatus Status);

/// <summary>One pod on every node that fits (Kubernetes documentation: "DaemonSet"; "Perform a Rolling Update on a DaemonSet").</summary>
internal static class DaemonSetPlan
{
    public const string RevisionLabel = "controller-revision-hash";

    /// <summary>A pod that failed, as one that its node refused, is tried again no sooner than this after it was made.</summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    /// <param name="pods">The set's own.</param>
    /// <param name="hash">Of the present template, as pods bear it.</param>
    public static DaemonSetDecision Decide(DaemonSetItem set, IEnumerable<PodItem> pods, IReadOnlyCollection<NodeItem> nodes, string hash, DateTime now)
    {
        var byNode = pods.GroupBy(NodeOf).ToDictionary(group => group.Key, group => group.OrderBy(pod => pod.Meta.Created).ToList());
        var places = nodes.Where(node => !node.Meta.IsDeleting).OrderBy(node => node.Name, StringComparer.Ordinal)
            .Select(node => new DaemonPlace(set, node, byNode.GetValueOrDefault(node.Name, []), hash, now)).ToList();
        var status = Status(set, places, hash);
        if (set.Meta.IsDeleting) return new([], [], status);
        var known = nodes.Select(node => node.Name).ToHashSet();
        // A pod that only a vanished node could take is never taken. One that ran there is the pod collector's.
        var stray = byNode.Where(pair => pair.Key.Length > 0 && !known.Contains(pair.Key)).SelectMany(pair => pair.Value).Where(pod => pod is { NodeName: "", IsActive: true });
        List<PodItem> delete = [.. places.SelectMany(place => place.Surplus()), .. stray];
        List<string> create = [.. places.Where(place => place.IsMissing).Select(place => place.Node.Name)];
        if (delete.Count + create.Count > 0 || set.UpdatesOnDelete) return new(create, delete, status);
        return DaemonUpdate.Decide(set, places, status);
    }

    /// <summary>Where the pod is, or the one node where it may go.</summary>
    public static string NodeOf(PodItem pod) => pod.NodeName.Length > 0 ? pod.NodeName : pod.Demand.OnlyNode;

    /// <summary>Whether a node is to get a pod, and whether one that is there may stay.</summary>
    public static (bool Runs, bool Keeps) Judge(DaemonSetItem set, NodeItem node)
    {
        if (!NodeFilter.MatchesAffinity(set.Demand, node)) return (false, false);
        var repelled = node.Taints.Where(taint => taint.Effect is "NoSchedule" or "NoExecute" && !set.Demand.Tolerates(taint)).ToList();
        return (repelled.Count == 0, repelled.All(taint => taint.Effect != "NoExecute"));
    }

    private static DaemonSetStatus Status(DaemonSetItem set, List<DaemonPlace> places, string hash)
    {
        var wanted = places.Where(place => place.Runs).ToList();
        var first = wanted.Select(place => place.Foremost).OfType<PodItem>().ToList();
        return set.Status with
        {
            Desired = wanted.Count,
            Current = first.Count,
            Misscheduled = places.Count(place => !place.Runs && place.Pods.Count > 0),
            Ready = first.Count(pod => pod.IsReady),
            Updated = first.Count(pod => Hash(pod) == hash),
            Available = wanted.Count(place => place.Foremost is { } pod && place.IsAvailable(pod)),
            ObservedGeneration = set.Generation,
        };
    }

    public static string Hash(PodItem pod) => pod.Labels.TryGetValue(RevisionLabel, out var hash) ? hash : "";
}

/// <summary>A node and the DaemonSet's pods on it, oldest first.</summary>
internal sealed class DaemonPlace(DaemonSetItem set, NodeItem node, List<PodItem> pods, string hash, DateTime now)
{
    private readonly (bool Runs, bool Keeps) _verdict = DaemonSetPlan.Judge(set, node);

    public NodeItem Node => node;
    public List<PodItem> Pods => pods;
    public bool Runs => _verdict.Runs;

    public PodItem? New => pods.FirstOrDefault(pod => pod.IsActive && DaemonSetPlan.Hash(pod) == hash);
    public PodItem? Old => pods.FirstOrDefault(pod => pod.IsActive && DaemonSetPlan.Hash(pod) != hash);

    /// <summary>The pod that stands for the node in the status: a running one before others.</summary>
    public PodItem? Foremost => pods.OrderByDescending(pod => pod.IsActive && pod.Phase == "Running").FirstOrDefault();

    /// <summary>A pod on its way out still holds the place.</summary>
    public bool IsMissing => Runs && pods.Count == 0;

    public bool IsAvailable(PodItem pod) => !pod.Meta.IsDeleting && ReplicaPlan.IsAvailable(pod, set.MinReadySeconds, now);

    /// <summary>Pods that must go whatever the template: where none may stay, those that ended, and all but one of each template.</summary>
    public IEnumerable<PodItem> Surplus()
    {
        if (!_verdict.Keeps) return pods.Where(pod => !pod.Meta.IsDeleting);
        var ended = pods.Where(pod => pod is { IsTerminal: true, Meta.IsDeleting: false } && pod.Meta.Created + DaemonSetPlan.RetryAfter <= now);
        var kept = set.MaxSurge.Value > 0 ? new[] { New, Old } : [pods.FirstOrDefault(pod => pod.IsActive)];
        return ended.Concat(pods.Where(pod => pod.IsActive && !kept.Contains(pod)));
    }
}
