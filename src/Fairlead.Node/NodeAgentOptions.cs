using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;
using Fairlead.Node.Images;
using Fairlead.Node.Shutdown;

namespace Fairlead.Node;

/// <summary>What runs the containers.</summary>
public enum RuntimeKind
{
    /// <summary>runc under conmon.</summary>
    Runc,

    /// <summary>crun under conmon.</summary>
    Crun,

    /// <summary>A containerd of the node's own, by CRI.</summary>
    Containerd,
}

/// <summary>Whether packets between pods of two nodes are wrapped (VXLAN).</summary>
public enum VxlanMode
{
    /// <summary>Nodes are neighbours: a node's address is the way to its pods.</summary>
    Never,

    /// <summary>Those to a node whose address is on no network of ours: routers between us would not know the way to its pods.</summary>
    CrossSubnet,

    /// <summary>All: the network takes packets of nodes' addresses only.</summary>
    Always,
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

    /// <summary>Where images are, which the nodes of a cluster on one machine share; null: <c>/var/lib/fairlead/CLUSTER/images</c>.</summary>
    public string? ImageDirectory { get; init; }

    /// <summary>A network namespace from which images are pulled, for example <c>/proc/1/ns/net</c>; null: the node's own.</summary>
    public string? PullNetwork { get; init; }

    /// <summary>What a reboot clears; null: <c>/run/fairlead/CLUSTER/NODE</c>.</summary>
    public string? RunDirectory { get; init; }

    /// <summary>The address of the cluster's DNS service; null: pods get the node's own resolver.</summary>
    public IPAddress? ClusterDns { get; init; }

    /// <summary>Addresses of all pods. Packets of pods to elsewhere leave with the node's address; null: they leave as they are.</summary>
    public IPNetwork? ClusterNetwork { get; init; }

    /// <summary>Whether packets to pods of other nodes are wrapped.</summary>
    public VxlanMode Vxlan { get; init; }

    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>Where the kubelet API listens, on every address of the node; 0: the kernel chooses.</summary>
    public int KubeletPort { get; init; } = 10250;

    /// <summary>Certificate and key of the kubelet API; null: no kubelet API.</summary>
    public RenewableCertificate? ServingCertificate { get; init; }

    /// <summary>Who may sign the certificates of clients of the kubelet API.</summary>
    public X509Certificate2Collection ClientAuthorities { get; init; } = [];

    /// <summary>The bridge that pods hang on, at most 15 bytes.</summary>
    public string BridgeName { get; init; } = "fl-pods";

    public RuntimeKind Runtime { get; init; } = RuntimeKind.Runc;

    /// <summary>Path of the unix socket of a CRI runtime that runs already, instead of <see cref="Runtime"/>; null: none.</summary>
    public string? RuntimeEndpoint { get; init; }

    /// <summary>Sysctls that pods may set besides the safe ones: names, or beginnings of names with a star.</summary>
    public IReadOnlyList<string> AllowedUnsafeSysctls { get; init; } = [];

    /// <summary>Path of the OCI runtime; null: found on PATH.</summary>
    public string? RuntimePath { get; init; }

    /// <summary>Path of conmon; null: found on PATH.</summary>
    public string? ConmonPath { get; init; }

    /// <summary>The fairlead binary that <c>fairlead/host</c> containers find at /usr/local/bin/fairlead; null: this process's program.</summary>
    public string? FairleadBinary { get; init; }

    /// <summary>Folder whose files are pods that this node runs whatever the API says; null: none.</summary>
    public string? PodManifestPath { get; init; }

    /// <summary>What pods get when the machine shuts down; null: the machine's shutdown does not wait for them.</summary>
    public ShutdownGrace? ShutdownGrace { get; init; }

    /// <summary>When images that no container uses are removed.</summary>
    public ImageLimits ImageLimits { get; init; } = new();

    /// <summary>Pods that the node takes at most.</summary>
    public int MaxPods { get; init; } = 110;

    /// <summary>Reported as the kubelet's version.</summary>
    public string Version { get; init; } = "v1.36.0";
}
