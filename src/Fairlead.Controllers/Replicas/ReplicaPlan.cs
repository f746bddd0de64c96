using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;

namespace Fairlead.Controllers.Replicas;

/// <summary>What has to happen for an owner of replicas.</summary>
/// <param name="Adopt">Pods without a managing owner that the selector takes in.</param>
/// <param name="Release">Pods of this owner that its selector no longer matches.</param>
/// <param name="Active">The owner's replicas as they are, the adopted ones among them.</param>
/// <param name="Create">How many pods are missing.</param>
/// <param name="Delete">Surplus pods.</param>
internal sealed record ReplicaDecision(
    IReadOnlyList<PodItem> Adopt, IReadOnlyList<PodItem> Release, IReadOnlyList<PodItem> Active, int Create, IReadOnlyList<PodItem> Delete)
{
    /// <summary>The owner's pods that are on their way out.</summary>
    public int Terminating { get; init; }
}

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
        var claims = ClaimPlan.Decide(owner.Meta, owner.Selector, candidates, pod => pod.IsActive);
        List<PodItem> active = [.. claims.Mine.Where(pod => pod.IsActive)];
        var decision = new ReplicaDecision(claims.Adopt, claims.Release, active, 0, [])
        {
            Terminating = claims.Mine.Count(pod => pod is { IsTerminal: false, Meta.IsDeleting: true }),
        };
        if (owner.Meta.IsDeleting) return decision;
        var missing = owner.Replicas - active.Count;
        return missing >= 0
            ? decision with { Create = Math.Min(missing, Burst) }
            : decision with { Delete = PodRanking.First(active, Math.Min(-missing, Burst), now) };
    }

    /// <summary>The status that follows from the replicas; a failure stays empty while all goes well.</summary>
    public static ReplicaStatus Status(ReplicaItem owner, IReadOnlyCollection<PodItem> active, (string Reason, string Message) failure, DateTime now) => new(
        active.Count,
        active.Count(pod => HasAll(pod.Labels, owner.Template.Labels)),
        active.Count(pod => pod.IsReady),
        active.Count(pod => IsAvailable(pod, owner.MinReadySeconds, now)),
        owner.Generation, failure.Reason, failure.Message);

    /// <summary>How long until a ready pod becomes an available one; null where none is on the way.</summary>
    public static TimeSpan? UntilAvailable(int minReadySeconds, IEnumerable<PodItem> active, DateTime now)
    {
        if (minReadySeconds == 0) return null;
        TimeSpan? soonest = null;
        foreach (var pod in active)
        {
            if (!pod.IsReady || IsAvailable(pod, minReadySeconds, now)) continue;
            var wait = (pod.ReadyChanged ?? now).AddSeconds(minReadySeconds) - now;
            if (soonest is null || wait < soonest) soonest = wait;
        }
        return soonest;
    }

    public static bool IsAvailable(PodItem pod, int minReadySeconds, DateTime now) =>
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
