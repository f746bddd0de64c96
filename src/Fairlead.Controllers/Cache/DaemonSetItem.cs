using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What the controllers need of a DaemonSet.</summary>
internal sealed record DaemonSetItem(ObjectKey Key, ObjectMeta Meta, long Generation, SelectorItem Selector, PodTemplate Template) : ICached
{
    private static readonly (string Key, string Effect)[] Borne =
    [
        ("node.kubernetes.io/not-ready", "NoExecute"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ];

    /// <summary>What its pods ask of a node, the tolerations that all daemons have included.</summary>
    public required PodDemand Demand { get; init; }
    public bool UpdatesOnDelete { get; init; }
    public Amount MaxUnavailable { get; init; } = new(1, false);
    public Amount MaxSurge { get; init; } = new(0, false);
    public int MinReadySeconds { get; init; }
    public int RevisionHistoryLimit { get; init; } = 10;
    public DaemonSetStatus Status { get; init; } = DaemonSetStatus.None;

    public static DaemonSetItem From(V1DaemonSet set)
    {
        var spec = set.Spec;
        var rolling = spec.UpdateStrategy?.RollingUpdate;
        var template = spec.Template ?? new V1PodTemplateSpec();
        var demand = PodDemand.From(template.Spec ?? new V1PodSpec());
        return new(
            ObjectKey.Of(set), ObjectMeta.From(set.Metadata), set.Metadata.Generation ?? 0, SelectorItem.From(spec.Selector), new PodTemplate(template))
        {
            Demand = demand with { Tolerations = [.. demand.Tolerations, .. Tolerations(template.Spec?.HostNetwork == true).Select(Toleration.From)] },
            UpdatesOnDelete = spec.UpdateStrategy?.Type == "OnDelete",
            MaxUnavailable = Amount.From(rolling?.MaxUnavailable, new(1, false)),
            MaxSurge = Amount.From(rolling?.MaxSurge, new(0, false)),
            MinReadySeconds = spec.MinReadySeconds ?? 0,
            RevisionHistoryLimit = spec.RevisionHistoryLimit ?? 10,
            Status = DaemonSetStatus.From(set.Status),
        };
    }

    /// <summary>A daemon stays where others are driven out, and comes where others may not (Kubernetes documentation: "DaemonSet", taints and tolerations).</summary>
    public static IEnumerable<V1Toleration> Tolerations(bool hostNetwork)
    {
        foreach (var (key, effect) in Borne) yield return new V1Toleration { Key = key, OperatorProperty = "Exists", Effect = effect };
        if (hostNetwork) yield return new V1Toleration { Key = "node.kubernetes.io/network-unavailable", OperatorProperty = "Exists", Effect = "NoSchedule" };
    }
}

internal sealed record DaemonSetStatus(int Desired, int Current, int Misscheduled, int Ready, int Updated, int Available, int Collisions, long ObservedGeneration)
{
    public static readonly DaemonSetStatus None = new(0, 0, 0, 0, 0, 0, 0, 0);

    public static DaemonSetStatus From(V1DaemonSetStatus? status) => status is null ? None : new(
        status.DesiredNumberScheduled, status.CurrentNumberScheduled, status.NumberMisscheduled, status.NumberReady, status.UpdatedNumberScheduled ?? 0,
        status.NumberAvailable ?? 0, status.CollisionCount ?? 0, status.ObservedGeneration ?? 0);
}
