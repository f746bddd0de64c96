using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Node;

/// <summary>The OCI runtimes that the agent knows how to drive.</summary>
public enum OciRuntimeKind
{
    Runc,
    Crun,
}

/// <summary>Who this node is and with what it runs pods.</summary>
public sealed record NodeAgentOptions
{
    /// <summary>Name of the cluster; part of folder and cgroup names, so that several clusters live side by side.</summary>
    public required string ClusterName { get; init; }

    /// <summary>Name of the Node object.</summary>
    public required string NodeName { get; init; }

    /// <summary>The address by which the other nodes and the API server reach this node.</summary>
    public required IPAddress InternalAddress { get; init; }

    /// <summary>The address by which users reach node ports; null: the same as <see cref="InternalAddress"/>.</summary>
    public IPAddress? ExternalAddress { get; init; }

    /// <summary>What <c>hostname</c> prints on the node; null: the node's name.</summary>
    public string? HostName { get; init; }

    /// <summary>Labels put on the Node beside the well-known ones.</summary>
    public ImmutableDictionary<string, string> Labels { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>What outlives a reboot; null: <c>/var/lib/fairlead/CLUSTER/nodes/NODE</c>.</summary>
    public string? RootDirectory { get; init; }

    /// <summary>What a reboot clears; null: <c>/run/fairlead/CLUSTER/NODE</c>.</summary>
    public string? RunDirectory { get; init; }

    /// <summary>The address of the cluster's DNS service; null: pods get the node's own resolver.</summary>
    public IPAddress? ClusterDns { get; init; }

    /// <summary>Addresses of all pods. Packets of pods to elsewhere leave with the node's address; null: they leave as they are.</summary>
    public IPNetwork? ClusterNetwork { get; init; }

    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>Where the kubelet API listens, on every address of the node; 0: the kernel chooses.</summary>
    public int KubeletPort { get; init; } = 10250;

    /// <summary>Certificate and key of the kubelet API; null: no kubelet API.</summary>
    public X509Certificate2? ServingCertificate { get; init; }

    /// <summary>Who may sign the certificates of clients of the kubelet API.</summary>
    public X509Certificate2Collection ClientAuthorities { get; init; } = [];

    /// <summary>The bridge that pods hang on, at most 15 bytes.</summary>
    public string BridgeName { get; init; } = "fl-pods";

    public OciRuntimeKind Runtime { get; init; } = OciRuntimeKind.Runc;

    /// <summary>Path of the OCI runtime; null: found on PATH.</summary>
    public string? RuntimePath { get; init; }

    /// <summary>Path of conmon; null: found on PATH.</summary>
    public string? ConmonPath { get; init; }

    /// <summary>The fairlead binary that <c>fairlead/host</c> containers find at /usr/local/bin/fairlead; null: this process's program.</summary>
    public string? FairleadBinary { get; init; }

    /// <summary>Pods that the node takes at most.</summary>
    public int MaxPods { get; init; } = 110;

    /// <summary>Reported as the kubelet's version.</summary>
    public string Version { get; init; } = "v1.36.0";
}
