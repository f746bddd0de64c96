using System.Globalization;
using System.Net;
using Fairlead.Doctor.Observe;
using Fairlead.Kube.Client;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Proxy;
using k8s.Models;

namespace Fairlead.Cluster;

/// <summary>A cluster that `up` made on this machine, for the doctor: its nodes' namespaces, pods and kernels.</summary>
internal sealed class LocalCluster : ILocalCluster
{
    private readonly ClusterPaths _paths;
    private readonly ClusterState _state;

    private LocalCluster(ClusterPaths paths, ClusterState state)
    {
        _paths = paths;
        _state = state;
        Nodes = [.. state.Nodes.Where(node => File.Exists(paths.NodeNamespace(node.Name))).Select(node => new LocalNode(node.Name, node.Address, paths.NodeNamespace(node.Name), Runs(node.AgentPid)))];
    }

    public string NameOption => _paths.NameOption;

    public IReadOnlyList<LocalNode> Nodes { get; }

    public IReadOnlyList<string> Stopped => [.. _state.Nodes.Select(node => node.Name).Except(Nodes.Select(node => node.Name))];

    /// <summary>The cluster behind an API server's address; null when it is none of this machine, or we may not look into it.</summary>
    public static LocalCluster? Find(KubeClientConfiguration configuration)
    {
        if (!ProcessHandle.IsRoot) return null;
        foreach (var name in ClusterPaths.All())
        {
            var paths = new ClusterPaths(name);
            if (ClusterState.Read(paths) is { } state && IPEndPoint.Parse(state.ApiServer) is var server
                && configuration.Server.Host == server.Address.ToString() && configuration.Server.Port == server.Port) return new LocalCluster(paths, state);
        }
        return null;
    }

    public LocalPod? FindPod(V1Pod pod)
    {
        if (Nodes.FirstOrDefault(node => node.Name == pod.Spec?.NodeName) is not { } node) return null;
        var network = pod.Spec.HostNetwork == true ? node.NetworkNamespace : $"{_paths.Run}/{node.Name}/pods/{pod.Metadata.Uid}/net";
        var resolv = $"{_paths.Data}/nodes/{node.Name}/pods/{pod.Metadata.Uid}/resolv.conf";
        return File.Exists(network) ? new LocalPod(network, File.Exists(resolv) ? File.ReadAllText(resolv) : null) : null;
    }

    public IKernelView ReadKernel(LocalNode node)
    {
        var options = new ServiceProxyOptions
        {
            NodeName = node.Name,
            ClusterNetworks = [IPNetwork.Parse(_state.PodRange)],
            ServiceNetworks = [IPNetwork.Parse(_state.ServiceRange)],
        };
        var zone = _state.Nodes.FirstOrDefault(other => other.Name == node.Name)?.Zone;
        return NetworkNamespace.Run(node.NetworkNamespace, () => new KernelView(KernelInspection.Read(options, zone)));
    }

    private static bool Runs(int pid)
    {
        using var process = pid > 0 ? ProcessHandle.TryOpen(pid) : null;
        return process is { HasExited: false } && ProcessTable.CommandLine(pid).Contains("agent", StringComparison.Ordinal);
    }

    private sealed class KernelView(KernelInspection inspection) : IKernelView
    {
        public KernelComparison Compare(V1Service service, IReadOnlyList<V1EndpointSlice> slices)
        {
            var differences = inspection.Compare(service, slices, out var wanted);
            return new KernelComparison(wanted, differences);
        }
    }
}
