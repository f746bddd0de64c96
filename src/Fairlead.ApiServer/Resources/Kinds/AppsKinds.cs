using Fairlead.ApiServer.Resources.Strategies.Apps;

namespace Fairlead.ApiServer.Resources.Kinds;

/// <summary>Kinds that keep pods running: apps/v1.</summary>
internal static class AppsKinds
{
    private const string Group = "apps";

    public static IEnumerable<Kind> Rows() =>
    [
        new(Group, "v1", "ControllerRevision", "controllerrevisions", true, "V1ControllerRevision") { Strategy = new ControllerRevisionStrategy() },
        new(Group, "v1", "DaemonSet", "daemonsets", true, "V1DaemonSet")
        {
            ShortNames = ["ds"], Categories = ["all"], HasStatus = true, HasGeneration = true, Strategy = new DaemonSetStrategy(),
        },
        new(Group, "v1", "Deployment", "deployments", true, "V1Deployment")
        {
            ShortNames = ["deploy"], Categories = ["all"], HasStatus = true, HasScale = true, HasGeneration = true, Strategy = new DeploymentStrategy(),
        },
        new(Group, "v1", "ReplicaSet", "replicasets", true, "V1ReplicaSet")
        {
            ShortNames = ["rs"], Categories = ["all"], HasStatus = true, HasScale = true, HasGeneration = true, Strategy = new ReplicaSetStrategy(),
            SelectableFields = Kind.Fields("status.replicas"),
        },
        new(Group, "v1", "StatefulSet", "statefulsets", true, "V1StatefulSet")
        {
            ShortNames = ["sts"], Categories = ["all"], HasStatus = true, HasScale = true, HasGeneration = true, Strategy = new StatefulSetStrategy(),
        },
    ];
}
