using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Deployment;

/// <summary>One step of a rolling update (Kubernetes documentation: "Deployments", rolling update deployment).</summary>
internal static class RollingPlan
{
    /// <summary>Up with the new first; where it may not grow now, down with the old.</summary>
    public static Rollout Step(Rollout rollout)
    {
        var grown = rollout.New is { } set ? ScaleNew(rollout, set) : rollout;
        return ReferenceEquals(grown, rollout) ? ScaleOld(rollout) : grown;
    }

    /// <summary>How large the new ReplicaSet may be now; a new one begins at 0.</summary>
    public static int SizeOfNew(Rollout rollout)
    {
        var deployment = rollout.Deployment;
        var present = rollout.New?.Replicas ?? 0;
        if (deployment.IsRecreate) return deployment.Replicas;
        var room = deployment.Replicas + Fenceposts.MaxSurge(deployment) - rollout.Asked;
        return room <= 0 ? present : present + Math.Min(room, deployment.Replicas - present);
    }

    private static Rollout ScaleNew(Rollout rollout, ReplicaItem set)
    {
        var wanted = rollout.Deployment.Replicas;
        if (set.Replicas == wanted) return rollout;
        var size = set.Replicas > wanted ? wanted : SizeOfNew(rollout);
        return size == set.Replicas ? rollout : rollout.Scale(set, size);
    }

    private static Rollout ScaleOld(Rollout rollout)
    {
        if (rollout.Old.Sum(set => set.Replicas) == 0) return rollout;
        var least = rollout.Deployment.Replicas - Fenceposts.MaxUnavailable(rollout.Deployment);
        // New pods that are not available yet must not be made up for by taking old ones away.
        var pending = rollout.New is { } set ? set.Replicas - set.Status.Available : 0;
        var spare = rollout.Asked - least - pending;
        if (spare <= 0) return rollout;
        return ScaleHealthy(ScaleUnhealthy(rollout, spare), least);
    }

    /// <summary>Old pods that are not available serve nobody: they go first.</summary>
    private static Rollout ScaleUnhealthy(Rollout rollout, int spare)
    {
        foreach (var set in rollout.Old)
        {
            if (spare <= 0) break;
            var broken = Math.Min(spare, set.Replicas - set.Status.Available);
            if (set.Replicas == 0 || broken <= 0) continue;
            rollout = rollout.Scale(set, set.Replicas - broken);
            spare -= broken;
        }
        return rollout;
    }

    private static Rollout ScaleHealthy(Rollout rollout, int least)
    {
        var spare = rollout.Available - least;
        foreach (var set in rollout.Old)
        {
            if (spare <= 0) break;
            var down = Math.Min(spare, set.Replicas);
            if (down == 0) continue;
            rollout = rollout.Scale(set, set.Replicas - down);
            spare -= down;
        }
        return rollout;
    }
}
