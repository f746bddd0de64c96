using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Deployment;

/// <summary>What has to happen for a Deployment.</summary>
/// <param name="Create">The ReplicaSet of the present template, where there is none.</param>
/// <param name="Change">ReplicaSets with another size, other annotations or other minReadySeconds than they have: before and after.</param>
/// <param name="Delete">ReplicaSets of revisions that need not be remembered any longer.</param>
/// <param name="Revision">For the Deployment's own annotation, or null: it is right already.</param>
internal sealed record DeploymentDecision(
    NewReplicaSet? Create, IReadOnlyList<(ReplicaItem Before, ReplicaItem After)> Change, IReadOnlyList<ReplicaItem> Delete, string? Revision, DeploymentStatus Status);

/// <param name="Hash">Of the template; the ReplicaSet's name ends with it and its pods bear it.</param>
internal sealed record NewReplicaSet(string Name, string Hash, int Replicas, ValueMap Annotations);

/// <summary>One sync of a Deployment: at most one step, and the status that follows (Kubernetes documentation: "Deployments").</summary>
internal static class DeploymentPlan
{
    /// <param name="sets">The Deployment's ReplicaSets.</param>
    /// <param name="hasPods">Whether a ReplicaSet, by UID, has pods that have not ended, those on their way out included.</param>
    public static DeploymentDecision Decide(DeploymentItem deployment, IReadOnlyCollection<ReplicaItem> sets, Func<string, bool> hasPods, DateTime now)
    {
        var before = Rollout.Of(deployment, sets);
        if (deployment.Meta.IsDeleting) return new(null, [], [], null, StatusPlan.Count(before, now));
        deployment = deployment with { Status = WithPause(deployment, now) };
        var rollout = Annotate(before with { Deployment = deployment });
        var holds = deployment.IsPaused || ScalingPlan.IsDue(rollout);
        var create = !holds && rollout.New is null && !MustWait(rollout, hasPods) ? Compose(rollout) : null;
        if (create is null) rollout = holds ? ScalingPlan.Step(rollout) : deployment.IsRecreate ? Recreate(rollout, hasPods) : RollingPlan.Step(rollout);
        var status = StatusPlan.Count(rollout, now);
        if (!holds) status = ProgressPlan.Judge(rollout, status, now);
        return new(create, Changes(before, rollout), Forgettable(rollout, status), Revision(rollout, create), Found(rollout, create, status, now));
    }

    private static DeploymentStatus WithPause(DeploymentItem deployment, DateTime now)
    {
        var status = deployment.Status;
        var progressing = status.Find(StatusPlan.Progressing);
        // A deadline that has passed is not forgiven by a pause.
        if (deployment.ProgressDeadline is null || progressing?.Reason == ProgressPlan.TimedOut) return status;
        var isMarked = progressing?.Reason == "DeploymentPaused";
        if (deployment.IsPaused && !isMarked) return StatusPlan.Set(status, StatusPlan.Progressing, "Unknown", "DeploymentPaused", "Deployment is paused", now);
        if (!deployment.IsPaused && isMarked) return StatusPlan.Set(status, StatusPlan.Progressing, "Unknown", "DeploymentResumed", "Deployment is resumed", now);
        return status;
    }

    /// <summary>The new ReplicaSet bears the newest revision, the Deployment's annotations and its minReadySeconds.</summary>
    private static Rollout Annotate(Rollout rollout) => rollout.New is not { } set ? rollout : rollout.Replace(set, set with
    {
        Annotations = Annotations.OfNewest(rollout.Deployment, set.Annotations, rollout.NewestRevision),
        MinReadySeconds = rollout.Deployment.MinReadySeconds,
    });

    private static bool MustWait(Rollout rollout, Func<string, bool> hasPods) =>
        rollout.Deployment.IsRecreate && rollout.Old.Any(set => set.Replicas > 0 || set.Status.Replicas > 0 || hasPods(set.Meta.Uid));

    private static Rollout Recreate(Rollout rollout, Func<string, bool> hasPods)
    {
        var down = rollout.Old.Where(set => set.Replicas > 0).Aggregate(rollout, (now, set) => now.Scale(set, 0));
        if (!ReferenceEquals(down, rollout) || MustWait(rollout, hasPods)) return down;
        return rollout.New is { } set && set.Replicas != rollout.Deployment.Replicas ? rollout.Scale(set, rollout.Deployment.Replicas) : rollout;
    }

    private static NewReplicaSet Compose(Rollout rollout)
    {
        var deployment = rollout.Deployment;
        var hash = deployment.Template.Hash(deployment.Status.Collisions);
        var annotations = Annotations.OfNewest(deployment, ValueMap.Empty, rollout.NewestRevision);
        return new($"{deployment.Key.Name}-{hash}", hash, RollingPlan.SizeOfNew(rollout), Annotations.WithSizes(annotations, deployment));
    }

    private static List<(ReplicaItem, ReplicaItem)> Changes(Rollout before, Rollout after) =>
        [.. before.All.Select(set => (Before: set, After: after.Find(set))).Where(pair => pair.Before != pair.After)];

    private static string? Revision(Rollout rollout, NewReplicaSet? create)
    {
        var source = create?.Annotations ?? rollout.New?.Annotations;
        if (source is null || !source.TryGetValue(Annotations.Revision, out var revision)) return null;
        return rollout.Deployment.Annotations.TryGetValue(Annotations.Revision, out var present) && present == revision ? null : revision;
    }

    private static DeploymentStatus Found(Rollout rollout, NewReplicaSet? create, DeploymentStatus status, DateTime now)
    {
        if (rollout.Deployment.ProgressDeadline is null) return status;
        if (create is not null)
            return StatusPlan.Set(status, StatusPlan.Progressing, "True", "NewReplicaSetCreated", $"Created new replica set \"{create.Name}\"", now);
        return rollout.New is { } set && status.Find(StatusPlan.Progressing) is null
            ? StatusPlan.Set(status, StatusPlan.Progressing, "True", "FoundNewReplicaSet", $"Found new replica set \"{set.Key.Name}\"", now)
            : status;
    }

    /// <summary>Empty ReplicaSets beyond revisionHistoryLimit, oldest revision first, once the rollout is done.</summary>
    private static List<ReplicaItem> Forgettable(Rollout rollout, DeploymentStatus status)
    {
        var deployment = rollout.Deployment;
        if (deployment.RevisionHistoryLimit is not { } limit || !(deployment.IsPaused || ProgressPlan.IsComplete(deployment, status))) return [];
        var alive = rollout.Old.Where(set => !set.Meta.IsDeleting).OrderBy(Annotations.RevisionOf).ThenBy(set => set.Meta.Created).ToList();
        return [.. alive.Take(Math.Max(0, alive.Count - limit)).Where(IsEmpty)];
    }

    private static bool IsEmpty(ReplicaItem set) =>
        set.Replicas == 0 && set.Status.Replicas == 0 && set.Generation <= set.Status.ObservedGeneration;
}
