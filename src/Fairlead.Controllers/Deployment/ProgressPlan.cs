using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Deployment;

/// <summary>Whether a rollout gets on, is done, or has taken too long (Kubernetes documentation: "Deployments", progress deadline seconds).</summary>
internal static class ProgressPlan
{
    public const string NewReplicaSetAvailable = "NewReplicaSetAvailable";
    public const string TimedOut = "ProgressDeadlineExceeded";

    public static DeploymentStatus Judge(Rollout rollout, DeploymentStatus status, DateTime now)
    {
        var deployment = rollout.Deployment;
        status = WithFailure(rollout, status, now);
        if (deployment.ProgressDeadline is null) return StatusPlan.Remove(status, StatusPlan.Progressing);
        var present = status.Find(StatusPlan.Progressing);
        if (status.Replicas == status.Updated && present?.Reason == NewReplicaSetAvailable) return status;
        var about = rollout.New is { } set ? $"ReplicaSet \"{set.Key.Name}\"" : $"Deployment \"{deployment.Key.Name}\"";
        if (IsComplete(deployment, status))
            return StatusPlan.Set(status, StatusPlan.Progressing, "True", NewReplicaSetAvailable, $"{about} has successfully progressed.", now);
        if (HasProgressed(deployment.Status, status))
        {
            // Written anew at every step, so that the deadline counts from the last one.
            var since = present is { Status: "True" } ? present.Changed : now;
            return StatusPlan.Replace(status, new(StatusPlan.Progressing, "True", "ReplicaSetUpdated", $"{about} is progressing.", now, since));
        }
        return present is not null && HasTimedOut(deployment, present, now)
            ? StatusPlan.Set(status, StatusPlan.Progressing, "False", TimedOut, $"{about} has timed out progressing.", now)
            : status;
    }

    public static bool IsComplete(DeploymentItem deployment, DeploymentStatus status) =>
        status.Updated == deployment.Replicas && status.Replicas == deployment.Replicas && status.Available == deployment.Replicas
        && status.ObservedGeneration >= deployment.Generation;

    /// <summary>When the deadline will have passed; null where none runs.</summary>
    public static TimeSpan? UntilTimeOut(DeploymentItem deployment, DeploymentStatus status, DateTime now)
    {
        if (deployment.ProgressDeadline is not { } deadline || deployment.IsPaused || IsComplete(deployment, status)) return null;
        if (status.Find(StatusPlan.Progressing) is not { } condition || condition.Reason is TimedOut or NewReplicaSetAvailable) return null;
        // The times of conditions are whole seconds.
        return condition.Updated + deadline - now + TimeSpan.FromSeconds(1);
    }

    private static bool HasProgressed(DeploymentStatus before, DeploymentStatus now) =>
        now.Updated > before.Updated || now.Replicas - now.Updated < before.Replicas - before.Updated || now.Ready > before.Ready || now.Available > before.Available;

    private static bool HasTimedOut(DeploymentItem deployment, DeploymentCondition condition, DateTime now) =>
        condition.Reason != NewReplicaSetAvailable && (condition.Reason == TimedOut || condition.Updated + deployment.ProgressDeadline < now);

    /// <summary>A ReplicaSet that cannot make its pods is the Deployment's trouble too; the new one's comes first.</summary>
    private static DeploymentStatus WithFailure(Rollout rollout, DeploymentStatus status, DateTime now)
    {
        var failed = rollout.All.Reverse().FirstOrDefault(set => set.Status.FailureReason.Length > 0);
        if (failed is null) return StatusPlan.Remove(status, StatusPlan.ReplicaFailure);
        var present = status.Find(StatusPlan.ReplicaFailure);
        return StatusPlan.Replace(status, new(
            StatusPlan.ReplicaFailure, "True", failed.Status.FailureReason, failed.Status.FailureMessage, present?.Updated ?? now, present?.Changed ?? now));
    }
}
