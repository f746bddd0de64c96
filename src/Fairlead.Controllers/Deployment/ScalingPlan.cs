using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Deployment;

/// <summary>What a change of size does in the middle of a rollout, or while it is paused (Kubernetes documentation: "Deployments", proportional scaling).</summary>
internal static class ScalingPlan
{
    /// <summary>Whether the Deployment was scaled since its ReplicaSets last were. One that recreates sees to sizes in its own steps.</summary>
    public static bool IsDue(Rollout rollout) =>
        !rollout.Deployment.IsRecreate && rollout.All.Any(set => set.Replicas > 0 && Annotations.Desired(set) is { } desired && desired != rollout.Deployment.Replicas);

    public static Rollout Step(Rollout rollout)
    {
        var wanted = rollout.Deployment.Replicas;
        if (TheOne(rollout) is { } only) return rollout.Scale(only, wanted);
        if (rollout.New is { } newest && IsSaturated(newest, wanted))
            return rollout.Old.Where(set => set.Replicas > 0).Aggregate(rollout, (now, set) => now.Scale(set, 0));
        return rollout.Deployment.IsRecreate ? rollout : Spread(rollout);
    }

    /// <summary>The only ReplicaSet with pods; where none has any, the newest.</summary>
    private static ReplicaItem? TheOne(Rollout rollout)
    {
        var active = rollout.All.Where(set => set.Replicas > 0).ToList();
        if (active.Count == 0) return rollout.New ?? (rollout.Old.Count > 0 ? rollout.Old[^1] : null);
        return active.Count == 1 ? active[0] : null;
    }

    private static bool IsSaturated(ReplicaItem set, int wanted) =>
        set.Replicas == wanted && set.Status.Available == wanted && Annotations.Desired(set) == wanted;

    /// <summary>Each gets its share of what is added or taken; what rounding leaves over is the largest one's.</summary>
    private static Rollout Spread(Rollout rollout)
    {
        var deployment = rollout.Deployment;
        var active = rollout.All.Where(set => set.Replicas > 0).ToList();
        var allowed = deployment.Replicas > 0 ? deployment.Replicas + Fenceposts.MaxSurge(deployment) : 0;
        var change = allowed - active.Sum(set => set.Replicas);
        // Growth goes to the newer of two equals, shrinking hits the older.
        var bySize = change > 0
            ? active.OrderByDescending(set => set.Replicas).ThenByDescending(set => set.Meta.Created).ToList()
            : active.OrderByDescending(set => set.Replicas).ThenBy(set => set.Meta.Created).ToList();
        var sizes = bySize.ToDictionary(set => set.Key, set => set.Replicas);
        var given = 0;
        foreach (var set in bySize)
        {
            var share = Share(set, deployment, change, given);
            sizes[set.Key] += share;
            given += share;
        }
        if (change != 0) sizes[bySize[0].Key] = Math.Max(0, sizes[bySize[0].Key] + change - given);
        return bySize.Aggregate(rollout, (now, set) => now.Scale(set, sizes[set.Key]));
    }

    private static int Share(ReplicaItem set, DeploymentItem deployment, int change, int given)
    {
        if (change == 0 || change == given) return 0;
        var fraction = Fraction(set, deployment);
        return change > 0 ? Math.Min(fraction, change - given) : Math.Max(fraction, change - given);
    }

    private static int Fraction(ReplicaItem set, DeploymentItem deployment)
    {
        if (deployment.Replicas == 0) return -set.Replicas;
        var before = Annotations.Max(set) ?? deployment.Status.Replicas;
        if (before == 0) return 0;
        var now = deployment.Replicas + Fenceposts.MaxSurge(deployment);
        return (int)Math.Round((double)set.Replicas * now / before, MidpointRounding.AwayFromZero) - set.Replicas;
    }
}
