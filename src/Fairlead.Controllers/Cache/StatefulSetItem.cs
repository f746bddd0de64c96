using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What the controllers need of a StatefulSet.</summary>
internal sealed record StatefulSetItem(ObjectKey Key, ObjectMeta Meta, long Generation, int Replicas, SelectorItem Selector, PodTemplate Template) : ICached
{
    public string ServiceName { get; init; } = "";
    /// <summary>The ordinal of the first pod.</summary>
    public int Start { get; init; }
    /// <summary>Pods come and go without waiting for each other.</summary>
    public bool IsParallel { get; init; }
    /// <summary>Pods of an old template stay until somebody deletes them.</summary>
    public bool UpdatesOnDelete { get; init; }
    /// <summary>Pods of lower ordinals keep the template that they have.</summary>
    public int Partition { get; init; }
    public Amount MaxUnavailable { get; init; } = new(1, false);
    public int MinReadySeconds { get; init; }
    public int RevisionHistoryLimit { get; init; } = 10;
    public bool HasClaims { get; init; }
    public StatefulSetStatus Status { get; init; } = StatefulSetStatus.None;

    public static StatefulSetItem From(V1StatefulSet set)
    {
        var spec = set.Spec;
        return new(
            ObjectKey.Of(set), ObjectMeta.From(set.Metadata), set.Metadata.Generation ?? 0, spec.Replicas ?? 1,
            SelectorItem.From(spec.Selector), new PodTemplate(spec.Template ?? new V1PodTemplateSpec()))
        {
            ServiceName = spec.ServiceName ?? "",
            Start = spec.Ordinals?.Start ?? 0,
            IsParallel = spec.PodManagementPolicy == "Parallel",
            UpdatesOnDelete = spec.UpdateStrategy?.Type == "OnDelete",
            Partition = spec.UpdateStrategy?.RollingUpdate?.Partition ?? 0,
            MaxUnavailable = Amount.From(spec.UpdateStrategy?.RollingUpdate?.MaxUnavailable, new(1, false)),
            MinReadySeconds = spec.MinReadySeconds ?? 0,
            RevisionHistoryLimit = spec.RevisionHistoryLimit ?? 10,
            HasClaims = spec.VolumeClaimTemplates is { Count: > 0 },
            Status = StatefulSetStatus.From(set.Status),
        };
    }
}

internal sealed record StatefulSetStatus(
    int Replicas, int Ready, int Available, int Current, int Updated, string CurrentRevision, string UpdateRevision, int Collisions, long ObservedGeneration)
{
    public static readonly StatefulSetStatus None = new(0, 0, 0, 0, 0, "", "", 0, 0);

    public static StatefulSetStatus From(V1StatefulSetStatus? status) => new(
        status?.Replicas ?? 0, status?.ReadyReplicas ?? 0, status?.AvailableReplicas ?? 0, status?.CurrentReplicas ?? 0, status?.UpdatedReplicas ?? 0,
        status?.CurrentRevision ?? "", status?.UpdateRevision ?? "", status?.CollisionCount ?? 0, status?.ObservedGeneration ?? 0);
}
