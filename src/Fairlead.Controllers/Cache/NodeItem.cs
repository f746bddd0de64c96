using Fairlead.Kube;
using Fairlead.Kube.Placement;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What the controllers need of a Node; heartbeats are left out, so that a beat alone is no change.</summary>
internal sealed record NodeItem(ObjectKey Key, ObjectMeta Meta, ValueMap Labels) : ICached
{
    public string Name => Key.Name;
    public bool IsUnschedulable { get; init; }
    public ValueList<Taint> Taints { get; init; } = [];
    /// <summary>When the last of its NoExecute taints was put on it, where they say so.</summary>
    public DateTime? RepelsSince { get; init; }
    public ValueList<string> PodCidrs { get; init; } = [];
    /// <summary>Its addresses of the types InternalIP and ExternalIP.</summary>
    public ValueList<string> Addresses { get; init; } = [];
    /// <summary>Status of the condition Ready: True, False or Unknown; empty before the node has said anything.</summary>
    public string Ready { get; init; } = "";
    public NodeResources Allocatable { get; init; } = NodeResources.None;
    /// <summary>How many pods the node takes.</summary>
    public long MaxPods { get; init; }

    public string? Zone => Labels.TryGetValue("topology.kubernetes.io/zone", out var zone) && zone.Length > 0 ? zone : null;

    public static NodeItem From(V1Node node)
    {
        var allocatable = node.Status?.Allocatable ?? node.Status?.Capacity;
        return new NodeItem(ObjectKey.Of(node), ObjectMeta.From(node.Metadata), ValueMap.From(node.Metadata.Labels))
        {
            IsUnschedulable = node.Spec?.Unschedulable == true,
            Taints = [.. (node.Spec?.Taints ?? []).Select(Taint.From)],
            RepelsSince = node.Spec?.Taints?.Where(taint => taint.Effect == "NoExecute").Max(taint => taint.TimeAdded),
            PodCidrs = ReadCidrs(node.Spec),
            Addresses = [.. (node.Status?.Addresses ?? []).Where(address => address.Type is "InternalIP" or "ExternalIP").Select(address => address.Address)],
            Ready = node.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "Ready")?.Status ?? "",
            Allocatable = NodeResources.Of(allocatable),
            MaxPods = NodeResources.AmountOf(allocatable, "pods"),
        };
    }

    private static ValueList<string> ReadCidrs(V1NodeSpec? spec)
    {
        if (spec?.PodCIDRs is { Count: > 0 } cidrs) return [.. cidrs];
        return string.IsNullOrEmpty(spec?.PodCIDR) ? [] : [spec.PodCIDR];
    }
}

/// <summary>A node's heartbeat.</summary>
internal sealed record LeaseItem(ObjectKey Key, ObjectMeta Meta, string Holder, DateTime? Renewed) : ICached
{
    public static LeaseItem From(V1Lease lease) =>
        new(ObjectKey.Of(lease), ObjectMeta.From(lease.Metadata), lease.Spec?.HolderIdentity ?? "", lease.Spec?.RenewTime);
}

/// <summary>What the namespace controller and the makers of default objects need of a Namespace.</summary>
internal sealed record NamespaceItem(ObjectKey Key, ObjectMeta Meta, string Phase, ValueList<string> SpecFinalizers) : ICached
{
    public static NamespaceItem From(V1Namespace ns) =>
        new(ObjectKey.Of(ns), ObjectMeta.From(ns.Metadata), ns.Status?.Phase ?? "", [.. ns.Spec?.Finalizers ?? []]);
}

/// <summary>A ConfigMap; the certificate is kept for kube-root-ca.crt only.</summary>
internal sealed record ConfigMapItem(ObjectKey Key, ObjectMeta Meta, string? RootCertificate) : ICached
{
    public const string RootName = "kube-root-ca.crt";
    public const string RootKey = "ca.crt";

    public static ConfigMapItem From(V1ConfigMap map) => new(
        ObjectKey.Of(map), ObjectMeta.From(map.Metadata),
        map.Metadata.Name == RootName && map.Data is { Count: 1 } data ? data.TryGetValue(RootKey, out var pem) ? pem : null : null);
}
