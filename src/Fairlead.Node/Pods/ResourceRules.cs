using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>Requests and limits as the kernel takes them (Kubernetes documentation: "Resource Management for Pods and Containers").</summary>
internal static class ResourceRules
{
    private const int GuaranteedScore = -997;
    private const int BestEffortScore = 1000;

    public static ContainerResources Of(V1Pod pod, V1Container container, long nodeMemory)
    {
        var limits = container.Resources?.Limits;
        var requests = container.Resources?.Requests;
        var cpuLimit = Amount(limits, "cpu");
        var cpu = Amount(requests, "cpu") ?? cpuLimit ?? 0;
        var memory = (long?)Amount(limits, "memory");
        return new ContainerResources
        {
            CpuShares = (ulong)Math.Max(2, cpu * 1024),
            // 1 ms in each 100 ms is the least that the kernel gives.
            CpuQuota = cpuLimit is { } limit ? Math.Max(1000, (long)(limit * 100_000)) : null,
            Memory = memory,
            OomScoreAdjustment = Score(pod, (long)(Amount(requests, "memory") ?? memory ?? 0), nodeMemory),
        };
    }

    /// <summary>Whom the kernel kills first when memory runs out: the more a burstable container asked for, the later.</summary>
    private static int Score(V1Pod pod, long memoryRequest, long nodeMemory) => QualityOfService.Of(pod.Spec) switch
    {
        "Guaranteed" => GuaranteedScore,
        "BestEffort" => BestEffortScore,
        _ => (int)Math.Clamp(1000 - 1000 * memoryRequest / Math.Max(1, nodeMemory), 3, 999),
    };

    private static decimal? Amount(IDictionary<string, ResourceQuantity>? amounts, string resource) =>
        amounts is not null && amounts.TryGetValue(resource, out var quantity) ? quantity.ToDecimal() : null;
}
