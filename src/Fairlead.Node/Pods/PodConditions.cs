using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>
/// The conditions that the node owns, with kubelet's reasons and messages; those of others are left to them
/// (Kubernetes documentation: "Pod Lifecycle", "Pod conditions").
/// </summary>
internal static class PodConditions
{
    public static List<V1PodCondition> Of(PodFacts facts, string phase, IReadOnlyList<V1ContainerStatus> main)
    {
        var initialized = Initialized(facts, phase);
        var containersReady = ContainersReady(facts, phase, main);
        List<V1PodCondition> conditions =
        [
            new() { Type = "PodReadyToStartContainers", Status = facts.IsSandboxReady ? "True" : "False" },
            initialized,
            Ready(facts, containersReady),
            containersReady,
        ];
        var before = facts.Pod.Status?.Conditions ?? [];
        // Scheduling is the scheduler's word; a pod that came with its node name never had one.
        conditions.Add(before.FirstOrDefault(condition => condition.Type == "PodScheduled") ?? new V1PodCondition { Type = "PodScheduled", Status = "True" });
        if (facts.Memory.Eviction is { } eviction) conditions.Add(New("DisruptionTarget", "True", "TerminationByKubelet", eviction.Disruption));
        foreach (var condition in conditions)
        {
            var old = before.FirstOrDefault(other => other.Type == condition.Type);
            condition.LastTransitionTime = old is not null && old.Status == condition.Status && old.LastTransitionTime is not null
                ? old.LastTransitionTime
                : Since(facts, condition.Type);
            condition.ObservedGeneration = facts.Pod.Metadata.Generation;
        }
        return conditions;
    }

    /// <summary>Readiness turned when the probe said so.</summary>
    private static DateTime Since(PodFacts facts, string type) =>
        Timestamps.Whole(type is "Ready" or "ContainersReady" ? facts.Memory.VerdictAt ?? facts.Now : facts.Now);

    private static V1PodCondition Initialized(PodFacts facts, string phase)
    {
        if (phase == "Succeeded") return New("Initialized", "True", "PodCompleted", null);
        var waiting = (facts.Pod.Spec.InitContainers ?? []).Where(container => !ContainerStatuses.IsInitialized(facts, container)).Select(container => container.Name).ToList();
        return waiting.Count == 0
            ? New("Initialized", "True", null, null)
            : New("Initialized", "False", "ContainersNotInitialized", $"containers with incomplete status: [{string.Join(' ', waiting)}]");
    }

    private static V1PodCondition ContainersReady(PodFacts facts, string phase, IReadOnlyList<V1ContainerStatus> main)
    {
        if (phase == "Succeeded") return New("ContainersReady", "False", "PodCompleted", null);
        if (phase == "Failed") return New("ContainersReady", "False", "PodFailed", null);
        var unready = main.Where(status => !status.Ready).Select(status => status.Name).ToList();
        return unready.Count == 0
            ? New("ContainersReady", "True", null, null)
            : New("ContainersReady", "False", "ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]");
    }

    private static V1PodCondition Ready(PodFacts facts, V1PodCondition containers)
    {
        if (containers.Status != "True") return New("Ready", "False", containers.Reason, containers.Message);
        var missing = (facts.Pod.Spec.ReadinessGates ?? []).Select(gate => gate.ConditionType)
            .Where(type => facts.Pod.Status?.Conditions?.Any(condition => condition.Type == type && condition.Status == "True") != true).ToList();
        if (missing.Count == 0) return New("Ready", "True", null, null);
        var words = missing.Select(type => $"corresponding condition of pod readiness gate \"{type}\" does not exist.");
        return New("Ready", "False", "ReadinessGatesNotReady", string.Join(", ", words));
    }

    private static V1PodCondition New(string type, string status, string? reason, string? message) =>
        new() { Type = type, Status = status, Reason = reason, Message = message };
}
