using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>The node's part of a pod's status: phase, addresses, conditions, containers.</summary>
internal static class PodStatusRule
{
    /// <param name="hostAddress">The node's address.</param>
    /// <param name="runtime">Scheme of container ids, for example <c>runc</c>.</param>
    public static V1PodStatus Build(PodFacts facts, string hostAddress, string runtime)
    {
        var statuses = new ContainerStatuses(facts, runtime);
        var spec = facts.Pod.Spec;
        var main = spec.Containers.Select(container => statuses.Of(container, init: false)).ToList();
        var init = spec.InitContainers is { Count: > 0 } containers ? containers.Select(container => statuses.Of(container, init: true)).ToList() : null;
        var before = facts.Pod.Status;
        // Of a pod that was never let in, kubelet tells of no container.
        var wasLetIn = facts.Memory.Rejection is null && !(facts.HasEnded && before.ContainerStatuses is null or []);
        var verdict = facts is { HasEnded: false, IsTerminating: false } && !facts.Alive.Any() ? facts.Verdict : null;
        var phase = facts.HasEnded ? before.Phase : verdict is not null ? "Failed" : PodPhase.Of(facts, main, init);
        var address = spec.HostNetwork == true ? (facts.Runtime.Sandbox is null ? null : hostAddress) : facts.Runtime.Sandbox?.Address;
        address ??= before?.PodIP;
        return new V1PodStatus
        {
            ObservedGeneration = facts.Pod.Metadata.Generation,
            Phase = phase,
            Reason = verdict?.Reason ?? (facts.BeginsAnew ? null : before?.Reason),
            Message = verdict?.Message ?? (facts.BeginsAnew ? null : before?.Message),
            StartTime = before?.StartTime ?? ContainerStatuses.Seconds(facts.Now),
            HostIP = hostAddress,
            HostIPs = [new V1HostIP { Ip = hostAddress }],
            PodIP = address,
            PodIPs = address is null ? null : [new V1PodIP { Ip = address }],
            QosClass = before?.QosClass ?? QualityOfService.Of(spec),
            Conditions = PodConditions.Of(facts, phase, main),
            ContainerStatuses = wasLetIn ? main : null,
            InitContainerStatuses = wasLetIn ? init : null,
            EphemeralContainerStatuses = spec.EphemeralContainers is { Count: > 0 }
                ? [.. EphemeralContainers.Of(facts.Pod).Select(container => statuses.Of(container, init: false))]
                : null,
        };
    }
}

/// <summary>A pod's phase from its containers' states (Kubernetes documentation: "Pod Lifecycle", "Pod phase").</summary>
internal static class PodPhase
{
    public static string Of(PodFacts facts, IReadOnlyList<V1ContainerStatus> main, IReadOnlyList<V1ContainerStatus>? init)
    {
        var running = main.Count(status => status.State.Running is not null);
        if (facts.IsTerminating && running == 0 && !facts.Alive.Any() && main.Any(IsOver))
            return main.Where(IsOver).All(status => Code(status) == 0) ? "Succeeded" : "Failed";
        if (InitPhase(facts, init) is { } pending) return pending;
        if (main.Any(status => status.State.Waiting is not null && status.LastState?.Terminated is null)) return "Pending";
        if (running > 0) return "Running";
        var policy = facts.Pod.Spec.RestartPolicy ?? "Always";
        if (policy == "Always" && !facts.IsTerminating) return "Running";
        if (main.All(status => Code(status) == 0)) return "Succeeded";
        return policy == "Never" ? "Failed" : "Running";
    }

    private static string? InitPhase(PodFacts facts, IReadOnlyList<V1ContainerStatus>? init)
    {
        foreach (var (container, status) in (facts.Pod.Spec.InitContainers ?? []).Zip(init ?? []))
        {
            if (ContainerStatuses.IsInitialized(facts, container)) continue;
            var failed = status.State.Terminated is { ExitCode: not 0 } over && !facts.Restarts(container, init: true, over.ExitCode);
            return failed ? "Failed" : "Pending";
        }
        return null;
    }

    private static bool IsOver(V1ContainerStatus status) => status.State.Terminated is not null || status.LastState?.Terminated is not null;

    private static int Code(V1ContainerStatus status) => (status.State.Terminated ?? status.LastState?.Terminated)?.ExitCode ?? -1;
}

/// <summary>A pod's class by its requests and limits (Kubernetes documentation: "Pod Quality of Service Classes").</summary>
internal static class QualityOfService
{
    public static string Of(V1PodSpec spec)
    {
        var all = spec.Containers.Concat(spec.InitContainers ?? []).Select(container => container.Resources).ToList();
        if (all.TrueForAll(resources => resources is null || (IsEmpty(resources.Limits) && IsEmpty(resources.Requests)))) return "BestEffort";
        return all.TrueForAll(IsGuaranteed) ? "Guaranteed" : "Burstable";
    }

    private static bool IsGuaranteed(V1ResourceRequirements? resources) =>
        resources?.Limits is { } limits && limits.TryGetValue("cpu", out var cpu) && limits.TryGetValue("memory", out var memory)
        && Same(resources.Requests, "cpu", cpu) && Same(resources.Requests, "memory", memory);

    private static bool Same(IDictionary<string, ResourceQuantity>? requests, string resource, ResourceQuantity limit) =>
        requests is null || !requests.TryGetValue(resource, out var request) || request.ToDecimal() == limit.ToDecimal();

    private static bool IsEmpty(IDictionary<string, ResourceQuantity>? amounts) => amounts is null || !amounts.Keys.Any(key => key is "cpu" or "memory");
}
