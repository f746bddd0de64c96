using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Deployment;

/// <summary>A Deployment's status from its ReplicaSets (Kubernetes documentation: "Deployments", deployment status).</summary>
internal static class StatusPlan
{
    public const string Available = "Available";
    public const string Progressing = "Progressing";
    public const string ReplicaFailure = "ReplicaFailure";

    public static DeploymentStatus Count(Rollout rollout, DateTime now)
    {
        var deployment = rollout.Deployment;
        var all = rollout.All.ToList();
        var available = all.Sum(set => set.Status.Available);
        var status = deployment.Status with
        {
            ObservedGeneration = deployment.Generation,
            Replicas = all.Sum(set => set.Status.Replicas),
            Updated = rollout.New?.Status.Replicas ?? 0,
            Ready = all.Sum(set => set.Status.Ready),
            Available = available,
            Unavailable = Math.Max(0, rollout.Asked - available),
            Terminating = all.Sum(set => set.Status.Terminating),
        };
        var enough = available >= deployment.Replicas - Fenceposts.MaxUnavailable(deployment);
        return Set(status, Available, enough ? "True" : "False", enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
            enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.", now);
    }

    /// <summary>Writes a condition; one that says the same already stays, and keeps its times.</summary>
    public static DeploymentStatus Set(DeploymentStatus status, string type, string value, string reason, string message, DateTime now)
    {
        var present = status.Find(type);
        if (present is not null && present.Status == value && present.Reason == reason) return status;
        return Replace(status, new(type, value, reason, message, now, present?.Status == value ? present.Changed : now));
    }

    public static DeploymentStatus Replace(DeploymentStatus status, DeploymentCondition condition) => status with
    {
        Conditions = status.Find(condition.Type) is null
            ? [.. status.Conditions, condition]
            : [.. status.Conditions.Select(other => other.Type == condition.Type ? condition : other)],
    };

    public static DeploymentStatus Remove(DeploymentStatus status, string type) =>
        status.Find(type) is null ? status : status with { Conditions = [.. status.Conditions.Where(other => other.Type != type)] };
}
