using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Deployment;

/// <summary>How far a rolling update may go above and below the wanted number of pods (Kubernetes documentation: "Deployments", rolling update).</summary>
internal static class Fenceposts
{
    /// <summary>Surge rounds up, unavailability down; where both come to nothing one pod may be unavailable, or nothing would ever move.</summary>
    public static (int Surge, int Unavailable) Resolve(DeploymentItem deployment)
    {
        var surge = deployment.MaxSurge.Of(deployment.Replicas, roundUp: true);
        var unavailable = deployment.MaxUnavailable.Of(deployment.Replicas, roundUp: false);
        return (surge, surge == 0 && unavailable == 0 ? 1 : unavailable);
    }

    public static int MaxSurge(DeploymentItem deployment) => deployment.IsRecreate ? 0 : Resolve(deployment).Surge;

    public static int MaxUnavailable(DeploymentItem deployment) =>
        deployment.IsRecreate || deployment.Replicas == 0 ? 0 : Math.Min(Resolve(deployment).Unavailable, deployment.Replicas);
}
