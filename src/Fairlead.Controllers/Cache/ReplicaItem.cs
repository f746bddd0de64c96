using Fairlead.Kube;
using Fairlead.Kube.Json;
using Fairlead.Kube.Selectors;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>A ReplicationController, and whatever else keeps a number of equal pods.</summary>
internal sealed record ReplicaItem(ObjectKey Key, ObjectMeta Meta, long Generation, int Replicas, SelectorItem Selector, PodTemplate Template) : ICached
{
    public int MinReadySeconds { get; init; }
    public required ReplicaStatus Status { get; init; }

    public static ReplicaItem From(V1ReplicationController rc) => new(
        ObjectKey.Of(rc), ObjectMeta.From(rc.Metadata), rc.Metadata.Generation ?? 0, rc.Spec.Replicas ?? 1,
        // The API server defaults an absent selector to the template's labels.
        new SelectorItem(ValueMap.From(rc.Spec.Selector ?? rc.Spec.Template?.Metadata?.Labels)), new PodTemplate(rc.Spec.Template ?? new V1PodTemplateSpec()))
    {
        MinReadySeconds = rc.Spec.MinReadySeconds ?? 0,
        Status = ReplicaStatus.From(rc.Status),
    };
}

/// <summary>A selector of pods that keeps its map form, by which indexes find candidates.</summary>
internal sealed record SelectorItem(ValueMap Pairs)
{
    private LabelSelector? _parsed;

    public bool Matches(ValueMap labels) => (_parsed ??= LabelSelector.FromMap(Pairs)).Matches(labels);

    public bool Equals(SelectorItem? other) => other is not null && Pairs.Equals(other.Pairs);

    public override int GetHashCode() => Pairs.GetHashCode();
}

internal sealed record ReplicaStatus(int Replicas, int FullyLabeled, int Ready, int Available, long ObservedGeneration, string FailureReason, string FailureMessage)
{
    public static ReplicaStatus From(V1ReplicationControllerStatus? status)
    {
        var failure = status?.Conditions?.FirstOrDefault(condition => condition is { Type: "ReplicaFailure", Status: "True" });
        return new(
            status?.Replicas ?? 0, status?.FullyLabeledReplicas ?? 0, status?.ReadyReplicas ?? 0, status?.AvailableReplicas ?? 0,
            status?.ObservedGeneration ?? 0, failure?.Reason ?? "", failure?.Message ?? "");
    }
}

/// <summary>A pod template kept as JSON: smaller than the object, and equal when its text is.</summary>
internal sealed class PodTemplate(V1PodTemplateSpec template) : IEquatable<PodTemplate>
{
    private readonly byte[] _json = KubeJson.Serialize(template);

    /// <summary>The template's labels, to compare with those of pods.</summary>
    public ValueMap Labels { get; } = ValueMap.From(template.Metadata?.Labels);

    /// <summary>A fresh copy that the caller may change.</summary>
    public V1PodTemplateSpec Create() => KubeJson.Deserialize<V1PodTemplateSpec>(_json);

    public bool Equals(PodTemplate? other) => other is not null && _json.AsSpan().SequenceEqual(other._json);

    public override bool Equals(object? obj) => Equals(obj as PodTemplate);

    public override int GetHashCode() => _json.Length;
}
