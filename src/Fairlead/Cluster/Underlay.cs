using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Terminal;

namespace Fairlead.Cluster;

/// <summary>The network of a cluster on this machine: a bridge on the host, and a namespace with a link to it for each node.</summary>
internal sealed class Underlay(ClusterPaths paths)
{
    private const int PrefixLength = 24;

    /// <summary>The first /24 of 172.18–172.31 that no address or route of this machine touches.</summary>
    public static IPNetwork Choose()
    {
        using var routes = RouteSocket.Open();
        var taken = routes.ListAddresses().Where(found => found.Address.AddressFamily == AddressFamily.InterNetwork)
            .Select(found => found.Address)
            .Concat(routes.ListRoutes().Where(route => route.Destination.PrefixLength > 0 && route.Destination.BaseAddress.AddressFamily == AddressFamily.InterNetwork)
                .Select(route => route.Destination.BaseAddress))
            .ToList();
        for (var second = 18; second <= 31; second++)
        {
            for (var third = 0; third <= 255; third++)
            {
                var candidate = new IPNetwork(new IPAddress([172, (byte)second, (byte)third, 0]), PrefixLength);
                if (!taken.Any(candidate.Contains)) return candidate;
            }
        }
        throw new UserException("no free network is left in 172.18.0.0–172.31.255.0; take a cluster down, or free one with `ip addr`");
    }

    /// <summary>The address with that last number.</summary>
    public static IPAddress At(IPNetwork network, int host)
    {
        var bytes = network.BaseAddress.GetAddressBytes();
        bytes[3] = (byte)host;
        return new IPAddress(bytes);
    }

    /// <summary>Makes the bridge; what is there already stays.</summary>
    public void EnsureBridge(IPNetwork network)
    {
        using var routes = RouteSocket.Open();
        routes.TryCreateBridge(paths.Bridge);
        var index = routes.IndexOf(paths.Bridge);
        routes.TryAddAddress(new LinkAddress(index, At(network, 1), PrefixLength));
        routes.SetUp(index);
    }

    /// <summary>Makes a node's namespace with its link, address and route to the host.</summary>
    public void EnsureNode(IPNetwork network, ClusterNode node)
    {
        var path = paths.NodeNamespace(node.Name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (File.Exists(path)) return;
        using var space = NetworkNamespace.Create(path);
        using (var host = RouteSocket.Open())
        {
            host.TryDeleteLink(paths.NodeLink(node.Index));
            host.CreateVeth(new VethPair
            {
                Name = paths.NodeLink(node.Index),
                PeerName = "eth0",
                PeerNamespace = space,
                Master = host.IndexOf(paths.Bridge),
            });
        }
        using (var inside = RouteSocket.Open(space))
        {
            var index = inside.IndexOf("eth0");
            inside.TryAddAddress(new LinkAddress(index, IPAddress.Parse(node.Address), PrefixLength));
            inside.SetUp(index);
            inside.TryAddRoute(new Route(new IPNetwork(IPAddress.Any, 0)) { Gateway = At(network, 1) });
        }
        space.Run(() => Sysctl.Write("net/ipv4/ip_forward", "1"));
    }

    /// <summary>Takes a node's link down, as one does who pulls the cable.</summary>
    public void Disconnect(ClusterNode node)
    {
        using var routes = RouteSocket.Open();
        routes.TryDeleteLink(paths.NodeLink(node.Index));
    }

    /// <summary>Removes a node's link and namespace.</summary>
    public void RemoveNode(ClusterNode node)
    {
        Disconnect(node);
        NetworkNamespace.Delete(paths.NodeNamespace(node.Name));
    }

    /// <summary>Removes all of it; what is gone already does not matter.</summary>
    public void Remove(IEnumerable<ClusterNode> nodes)
    {
        using var routes = RouteSocket.Open();
        foreach (var node in nodes) RemoveNode(node);
        routes.TryDeleteLink(paths.Bridge);
    }
}
