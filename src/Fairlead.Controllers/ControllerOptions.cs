using Fairlead.Kube.Certificates;

namespace Fairlead.Controllers;

/// <summary>Settings of the controllers; the defaults are Kubernetes' own unless said otherwise.</summary>
public sealed record ControllerOptions
{
    /// <summary>Networks that nodes get their pod networks from: one of IPv4, one of IPv6, or both.</summary>
    public IReadOnlyList<string> ClusterCidrs { get; init; } = ["10.244.0.0/16"];

    /// <summary>Prefix length of a node's IPv4 pod network.</summary>
    public int NodeMaskSizeIPv4 { get; init; } = 24;

    /// <summary>Prefix length of a node's IPv6 pod network.</summary>
    public int NodeMaskSizeIPv6 { get; init; } = 64;

    /// <summary>Whether nodes get their pod networks from here; false where a network plugin brings its own.</summary>
    public bool AllocateNodeCidrs { get; init; } = true;

    /// <summary>Certificate of the cluster's authority in PEM, put into every namespace as ConfigMap kube-root-ca.crt; null: none.</summary>
    public string? RootCertificate { get; init; }

    /// <summary>Who signs certificates of nodes and clients; null: nobody here.</summary>
    public ICertificateSigner? Signer { get; init; }

    /// <summary>Names and addresses of the API server's own certificate, which no node gets into one of its own.</summary>
    public IReadOnlyCollection<string> ServerNames { get; init; } = [];

    /// <summary>How long certificates hold for which nothing shorter is asked.</summary>
    public TimeSpan CertificateLife { get; init; } = TimeSpan.FromDays(365);

    /// <summary>Endpoints in a slice at most.</summary>
    public int MaxEndpointsPerSlice { get; init; } = 100;

    /// <summary>How long a node's lease may go unrenewed before the node counts as unreachable.</summary>
    public TimeSpan NodeMonitorGracePeriod { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>How often leases are looked at.</summary>
    public TimeSpan NodeMonitorPeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node must be gone before its pods are.</summary>
    public TimeSpan PodGcQuarantine { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>The scheduler that pods name to be placed by this one.</summary>
    public string SchedulerName { get; init; } = "default-scheduler";

    /// <summary>Kinds that the garbage collector and namespace deletion cover; null: all that discovery lists.</summary>
    public IReadOnlyList<ApiKind>? Kinds { get; init; }

    /// <summary>Controllers left out, by name (<c>scheduler</c>, <c>nodeipam</c>, …), for running beside a cluster's own.</summary>
    public IReadOnlySet<string> Disabled { get; init; } = new HashSet<string>();
}
