using k8s.Models;

namespace Fairlead.Doctor.Observe;

/// <summary>A node of the cluster that is a network namespace of this machine.</summary>
/// <param name="NetworkNamespace">Path that opens it.</param>
/// <param name="AgentRuns">Whether its agent's process lives.</param>
public sealed record LocalNode(string Name, string Address, string NetworkNamespace, bool AgentRuns);

/// <summary>A pod of such a node.</summary>
/// <param name="NetworkNamespace">Path that opens it; the node's own for a pod of the host's network.</param>
/// <param name="ResolvConf">The text of its resolv.conf; null when it has none of ours.</param>
public sealed record LocalPod(string NetworkNamespace, string? ResolvConf);

/// <summary>What the kernel of a node holds for a service, against what it should hold.</summary>
/// <param name="Wanted">How many elements it should have.</param>
/// <param name="Differences">Each missing, wrong or left over element, in nft's words; empty: all is right.</param>
public sealed record KernelComparison(int Wanted, IReadOnlyList<string> Differences);

/// <summary>A node's kernel as it was when it was read; comparing asks it nothing more.</summary>
public interface IKernelView
{
    KernelComparison Compare(V1Service service, IReadOnlyList<V1EndpointSlice> slices);
}

/// <summary>What this machine knows of a cluster's nodes; the executable implements it. Against a foreign cluster there is none.</summary>
public interface ILocalCluster
{
    /// <summary>Option that names the cluster to `fairlead`, with a blank before it; empty for the one that needs none.</summary>
    string NameOption { get; }

    /// <summary>Those with a network, whether or not their agent runs.</summary>
    IReadOnlyList<LocalNode> Nodes { get; }

    /// <summary>Names of nodes that were stopped, as if their machine had lost power.</summary>
    IReadOnlyList<string> Stopped { get; }

    /// <summary>Null when the pod is not of this machine, or has no network yet.</summary>
    LocalPod? FindPod(V1Pod pod);

    /// <summary>Reads the node's kernel: all of its load balancer's tables.</summary>
    /// <exception cref="Fairlead.Linux.LinuxException">The kernel could not be read.</exception>
    IKernelView ReadKernel(LocalNode node);
}
