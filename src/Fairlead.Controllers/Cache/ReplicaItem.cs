using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>A ReplicationController or ReplicaSet: what keeps a number of equal pods.</summary>
internal sealed record ReplicaItem(ObjectKey Key, ObjectMeta Meta, long Generation, int Replicas, SelectorItem Selector, PodTemplate Template) : ILabelled
{
    public int MinReadySeconds { get; init; }
    public required ReplicaStatus Status { get; init; }

    /// <summary>The three are kept of ReplicaSets, for the Deployments above them.</summary>
    public string ResourceVersion { get; init; } = "";
    public ValueMap Labels { get; init; } = ValueMap.Empty;
    public ValueMap Annotations { get; init; } = ValueMap.Empty;

    public static ReplicaItem From(V1ReplicationController rc) => new(
        ObjectKey.Of(rc), ObjectMeta.From(rc.Metadata), rc.Metadata.Generation ?? 0, rc.Spec.Replicas ?? 1,
        // The API server defaults an absent selector to the template's labels.
        new SelectorItem(ValueMap.From(rc.Spec.Selector ?? rc.Spec.Template?.Metadata?.Labels)), new PodTemplate(rc.Spec.Template ?? new V1PodTemplateSpec()))
    {
        MinReadySeconds = rc.Spec.MinReadySeconds ?? 0,
        Status = ReplicaStatus.From(rc.Status),
    };

    public static ReplicaItem From(V1ReplicaSet set) => new(
        ObjectKey.Of(set), ObjectMeta.From(set.Metadata), set.Metadata.Generation ?? 0, set.Spec.Replicas ?? 1,
        SelectorItem.From(set.Spec.Selector), new PodTemplate(set.Spec.Template ?? new V1PodTemplateSpec()))
    {
        MinReadySeconds = set.Spec.MinReadySeconds ?? 0,
        Status = ReplicaStatus.From(set.Status),
        ResourceVersion = set.Metadata.ResourceVersion ?? "",
        Labels = ValueMap.From(set.Metadata.Labels),
        Annotations = ValueMap.From(set.Metadata.Annotations?.Where(pair => pair.Key != "kubectl.kubernetes.io/last-applied-configuration")),
    };
}

internal sealed record ReplicaStatus(int Replicas, int FullyLabeled, int Ready, int Available, long ObservedGeneration, string FailureReason, string FailureMessage)
{
    /// <summary>Pods on their way out; 0 also for kinds that do not tell.</summary>
    public int Terminating { get; init; }

    public static ReplicaStatus From(V1ReplicationControllerStatus? status)
    {
        var failure = status?.Conditions?.FirstOrDefault(condition => condition is { Type: "ReplicaFailure", Status: "True" });
        return new(
            status?.Replicas ?? 0, status?.FullyLabeledReplicas ?? 0, status?.ReadyReplicas ?? 0, status?.AvailableReplicas ?? 0,
            status?.ObservedGeneration ?? 0, failure?.Reason ?? "", failure?.Message ?? "");
    }

    public static ReplicaStatus From(V1ReplicaSetStatus? status)
    {
        var failure = status?.Conditions?.FirstOrDefault(condition => condition is { Type: "ReplicaFailure", Status: "True" });
        return new(
            status?.Replicas ?? 0, status?.FullyLabeledReplicas ?? 0, status?.ReadyReplicas ?? 0, status?.AvailableReplicas ?? 0,
            status?.ObservedGeneration ?? 0, failure?.Reason ?? "", failure?.Message ?? "")
        {
            Terminating = status?.TerminatingReplicas ?? 0,
        };
    }
}
