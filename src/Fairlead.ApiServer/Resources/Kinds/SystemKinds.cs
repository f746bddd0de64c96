using Fairlead.ApiServer.Resources.Strategies;

namespace Fairlead.ApiServer.Resources.Kinds;

/// <summary>What the cluster keeps for its own running: leases, priorities and container runtimes.</summary>
internal static class SystemKinds
{
    public static IEnumerable<Kind> Rows() =>
    [
        new("coordination.k8s.io", "v1", "Lease", "leases", true, "V1Lease") { IsMadeByUpdate = true, UpdatesNeedVersion = true, Strategy = new LeaseStrategy() },
        new("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false, "V1PriorityClass")
        {
            ShortNames = ["pc"], HasGeneration = true, Strategy = new PriorityClassStrategy(),
        },
        new("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", false, "V1RuntimeClass") { UpdatesNeedVersion = true, Strategy = new RuntimeClassStrategy() },
    ];
}
