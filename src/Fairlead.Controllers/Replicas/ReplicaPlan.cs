using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Replicas;

/// <summary>What has to happen for an owner of replicas.</summary>
/// <param name="Adopt">Pods without a managing owner that the selector takes in.</param>
/// <param name="Release">Pods of this owner that its selector no longer matches.</param>
/// <param name="Active">The owner's replicas as they are, the adopted ones among them.</param>
/// <param name="Create">How many pods are missing.</param>
/// <param name="Delete">Surplus pods.</param>
internal sealed record ReplicaDecision(
    IReadOnlyList<PodItem> Adopt, IReadOnlyList<PodItem> Release, IReadOnlyList<PodItem> Active, int Create, IReadOnlyList<PodItem> Delete);

/// <summary>
/// Keeping a number of equal pods, as pure functions (Kubernetes documentation: "ReplicationController", "ReplicaSet",
/// "Owners and Dependents").
/// </summary>
internal static class ReplicaPlan
{
    /// <summary>No sync creates or deletes more than this many pods.</summary>
    public const int Burst = 500;

    /// <param name="candidates">Pods of the namespace that the selector matches or that name the owner as theirs; others do no harm.</param>
    public static ReplicaDecision Decide(ReplicaItem owner, IEnumerable<PodItem> candidates, DateTime now)
    {
        var adopt = new List<PodItem>();
        var release = new List<PodItem>();
        var active = new List<PodItem>();
        foreach (var pod in candidates)
        {
            var claim = Claim(owner, pod);
            if (claim == PodClaim.Adopt) adopt.Add(pod);
            if (claim == PodClaim.Release) release.Add(pod);
            if (claim is PodClaim.Keep or PodClaim.Adopt && pod.IsActive) active.Add(pod);
        }
        if (owner.Meta.IsDeleting) return new(adopt, release, active, 0, []);
        var missing = owner.Replicas - active.Count;
        return missing >= 0
            ? new(adopt, release, active, Math.Min(missing, Burst), [])
            : new(adopt, release, active, 0, PodRanking.First(active, Math.Min(-missing, Burst), now));
    }

    private static PodClaim Claim(ReplicaItem owner, PodItem pod)
    {
        var matches = owner.Selector.Matches(pod.Labels);
        if (pod.Meta.Controller is { } controller)
        {
            if (controller.Uid != owner.Meta.Uid) return PodClaim.None;
            if (matches) return PodClaim.Keep;
            // An owner on its way out lets go of nothing: its pods go with it, or are orphaned, by the garbage collector.
            return owner.Meta.IsDeleting || pod.Meta.IsDeleting ? PodClaim.None : PodClaim.Release;
        }
        return matches && pod.IsActive && !owner.Meta.IsDeleting ? PodClaim.Adopt : PodClaim.None;
    }

    private enum PodClaim { None, Keep, Adopt, Release }

    /// <summary>The status that follows from the replicas; a failure stays empty while all goes well.</summary>
    public static ReplicaStatus Status(ReplicaItem owner, IReadOnlyCollection<PodItem> active, (string Reason, string Message) failure, DateTime now) => new(
        active.Count,
        active.Count(pod => HasAll(pod.Labels, owner.Template.Labels)),
        active.Count(pod => pod.IsReady),
        active.Count(pod => IsAvailable(pod, owner.MinReadySeconds, now)),
        owner.Generation, failure.Reason, failure.Message);

    /// <summary>How long until a ready pod becomes an available one; null where none is on the way.</summary>
    public static TimeSpan? UntilAvailable(ReplicaItem owner, IEnumerable<PodItem> active, DateTime now)
    {
        if (owner.MinReadySeconds == 0) return null;
        TimeSpan? soonest = null;
        foreach (var pod in active)
        {
            if (!pod.IsReady || IsAvailable(pod, owner.MinReadySeconds, now)) continue;
            var wait = (pod.ReadyChanged ?? now).AddSeconds(owner.MinReadySeconds) - now;
            if (soonest is null || wait < soonest) soonest = wait;
        }
        return soonest;
    }

    private static bool IsAvailable(PodItem pod, int minReadySeconds, DateTime now) =>
        pod.IsReady && (minReadySeconds == 0 || (pod.ReadyChanged is { } since && since.AddSeconds(minReadySeconds) <= now));

    private static bool HasAll(ValueMap labels, ValueMap wanted)
    {
        foreach (var (key, value) in wanted)
        {
            if (!labels.TryGetValue(key, out var mine) || mine != value) return false;
        }
        return true;
    }
}
