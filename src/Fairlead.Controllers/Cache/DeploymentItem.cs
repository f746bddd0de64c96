using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What the controllers need of a Deployment.</summary>
internal sealed record DeploymentItem(ObjectKey Key, ObjectMeta Meta, long Generation, int Replicas, SelectorItem Selector, PodTemplate Template) : ILabelled
{
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";

    public string ResourceVersion { get; init; } = "";
    public ValueMap Labels { get; init; } = ValueMap.Empty;
    /// <summary>All but what kubectl applied last.</summary>
    public ValueMap Annotations { get; init; } = ValueMap.Empty;
    /// <summary>Old pods go before new ones come; else they are replaced little by little.</summary>
    public bool IsRecreate { get; init; }
    public Amount MaxSurge { get; init; } = new(25, true);
    public Amount MaxUnavailable { get; init; } = new(25, true);
    public int MinReadySeconds { get; init; }
    public int? RevisionHistoryLimit { get; init; }
    public bool IsPaused { get; init; }
    /// <summary>Null: a rollout may take for ever.</summary>
    public TimeSpan? ProgressDeadline { get; init; }
    public DeploymentStatus Status { get; init; } = DeploymentStatus.None;

    public static DeploymentItem From(V1Deployment deployment)
    {
        var spec = deployment.Spec;
        var rolling = spec.Strategy?.RollingUpdate;
        return new(
            ObjectKey.Of(deployment), ObjectMeta.From(deployment.Metadata), deployment.Metadata.Generation ?? 0, spec.Replicas ?? 1,
            SelectorItem.From(spec.Selector), new PodTemplate(spec.Template ?? new V1PodTemplateSpec()))
        {
            ResourceVersion = deployment.Metadata.ResourceVersion ?? "",
            Labels = ValueMap.From(deployment.Metadata.Labels),
            Annotations = ValueMap.From(deployment.Metadata.Annotations?.Where(pair => pair.Key != LastApplied)),
            IsRecreate = spec.Strategy?.Type == "Recreate",
            MaxSurge = Amount.From(rolling?.MaxSurge, new(25, true)),
            MaxUnavailable = Amount.From(rolling?.MaxUnavailable, new(25, true)),
            MinReadySeconds = spec.MinReadySeconds ?? 0,
            RevisionHistoryLimit = spec.RevisionHistoryLimit == int.MaxValue ? null : spec.RevisionHistoryLimit,
            IsPaused = spec.Paused == true,
            ProgressDeadline = spec.ProgressDeadlineSeconds is { } seconds and not int.MaxValue ? TimeSpan.FromSeconds(seconds) : null,
            Status = DeploymentStatus.From(deployment.Status),
        };
    }
}

internal sealed record DeploymentStatus(int Replicas, int Updated, int Ready, int Available, int Unavailable, int Terminating, int Collisions, long ObservedGeneration)
{
    public static readonly DeploymentStatus None = new(0, 0, 0, 0, 0, 0, 0, 0);

    public ValueList<DeploymentCondition> Conditions { get; init; } = [];

    public DeploymentCondition? Find(string type) => Conditions.FirstOrDefault(condition => condition.Type == type);

    public static DeploymentStatus From(V1DeploymentStatus? status) => new(
        status?.Replicas ?? 0, status?.UpdatedReplicas ?? 0, status?.ReadyReplicas ?? 0, status?.AvailableReplicas ?? 0, status?.UnavailableReplicas ?? 0,
        status?.TerminatingReplicas ?? 0, status?.CollisionCount ?? 0, status?.ObservedGeneration ?? 0)
    {
        Conditions = [.. (status?.Conditions ?? []).Select(DeploymentCondition.From)],
    };
}

/// <param name="Updated">When it was last written.</param>
/// <param name="Changed">When its status last changed.</param>
internal sealed record DeploymentCondition(string Type, string Status, string Reason, string Message, DateTime Updated, DateTime Changed)
{
    public static DeploymentCondition From(V1DeploymentCondition condition) => new(
        condition.Type, condition.Status, condition.Reason ?? "", condition.Message ?? "", condition.LastUpdateTime ?? default, condition.LastTransitionTime ?? default);
}
