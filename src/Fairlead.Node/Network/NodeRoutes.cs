using System.Collections.Immutable;
using System.Net;
using Fairlead.Kube;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Node.Pods;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Network;

/// <summary>What the pod network needs to know of a node.</summary>
/// <param name="PodCidr">Null before it was given one.</param>
/// <param name="Address">Its InternalIP; null before it told.</param>
internal sealed record NodePlace(string Name, string? PodCidr, string? Address)
{
    /// <param name="self">Name of this node.</param>
    public static NodePlace Of(V1Node node, string self) => new(
        node.Metadata.Name,
        node.Spec?.PodCIDR is { Length: > 0 } cidr ? cidr : null,
        node.Status?.Addresses?.FirstOrDefault(address => address.Type == "InternalIP")?.Address)
    {
        IsGivenUp = node.Status?.Conditions?.Any(condition => condition is { Type: "Ready", Status: "Unknown" }) == true,
        Offer = node.Metadata.Name == self ? NodeOffer.Of(node) : null,
    };

    /// <summary>Of this node alone.</summary>
    public NodeOffer? Offer { get; init; }

    /// <summary>The control plane has not heard of the node for too long.</summary>
    public bool IsGivenUp { get; init; }
}

/// <summary>The way to another node's pods.</summary>
internal readonly record struct NodeWay(IPAddress Node, bool IsWrapped);

/// <summary>Routes to the pods of the other nodes: each pod CIDR by the address of its node, or wrapped and sent to that address.</summary>
/// <param name="network">Of this node's own pods.</param>
internal sealed class NodeRoutes(PodNetwork network, NodeAgentOptions options, ILogger log)
{
    /// <summary>Marks our routes, so that none of another's is taken away (rtm_protocol; the kernel leaves most numbers to programs).</summary>
    private const byte Protocol = 199;

    private readonly Lock _lock = new();

    /// <param name="neighbours">Networks that this node has an address in.</param>
    public static ImmutableDictionary<IPNetwork, NodeWay> Plan(IEnumerable<NodePlace> nodes, string self, VxlanMode vxlan, IReadOnlyList<IPNetwork> neighbours)
    {
        var ways = ImmutableDictionary.CreateBuilder<IPNetwork, NodeWay>();
        foreach (var place in nodes)
        {
            if (place.Name == self || !IPNetwork.TryParse(place.PodCidr, out var cidr) || !IPAddress.TryParse(place.Address, out var address)) continue;
            ways[cidr] = new NodeWay(address, vxlan == VxlanMode.Always || (vxlan == VxlanMode.CrossSubnet && !neighbours.Any(near => near.Contains(address))));
        }
        return ways.ToImmutable();
    }

    /// <summary>Takes all of them away; the agent must have ended.</summary>
    public static void Remove(NetworkNamespace node)
    {
        using var socket = RouteSocket.Open(node);
        foreach (var route in socket.ListRoutes().Where(route => route.Protocol == Protocol)) socket.TryDeleteRoute(route);
        NodeTunnel.Remove(socket);
    }

    public void Apply(IEnumerable<NodePlace> nodes)
    {
        lock (_lock)
        {
            using var socket = RouteSocket.Open(network.Node);
            var wanted = Plan(nodes, options.NodeName, options.Vxlan, options.Vxlan == VxlanMode.CrossSubnet ? Neighbours(socket) : []);
            var tunnel = wanted.Values.Any(way => way.IsWrapped) ? TryOpenTunnel(socket) : null;
            var present = socket.ListRoutes().Where(route => route.Protocol == Protocol).ToDictionary(route => route.Destination);
            foreach (var (cidr, way) in wanted)
            {
                // Without the tunnel, or before this node has an address for it, there is no way.
                if (way.IsWrapped && tunnel is null) continue;
                var route = (way.IsWrapped ? tunnel!.To(cidr, way.Node) : new Route(cidr) { Gateway = way.Node }) with { Protocol = Protocol };
                if (!present.TryGetValue(cidr, out var old) || !Leads(old, route)) Set(socket, route, way.Node);
            }
            foreach (var (cidr, route) in present)
            {
                if (!wanted.ContainsKey(cidr)) socket.TryDeleteRoute(route);
            }
            if (options.Vxlan == VxlanMode.Never) NodeTunnel.Remove(socket);
        }
    }

    private static List<IPNetwork> Neighbours(RouteSocket socket) =>
        [.. socket.ListAddresses().Where(own => own.PrefixLength < 8 * own.Address.GetAddressBytes().Length).Select(own => Subnet.Around(own.Address, own.PrefixLength))];

    /// <summary>Whether it goes where it should; the kernel fills in a link.</summary>
    private static bool Leads(Route present, Route wanted) => Equals(present.Gateway, wanted.Gateway) && present.Tunnel == wanted.Tunnel && Equals(present.Source, wanted.Source);

    private NodeTunnel? TryOpenTunnel(RouteSocket socket)
    {
        if (network.Gateway is not { } gateway) return null;
        try
        {
            return NodeTunnel.Open(socket, options.InternalAddress, gateway);
        }
        catch (IOException e)
        {
            Registration.NodeLog.TunnelFailed(log, NodeTunnel.Name, e.Message);
            return null;
        }
    }

    private void Set(RouteSocket socket, Route route, IPAddress node)
    {
        try
        {
            socket.ReplaceRoute(route);
        }
        catch (IOException e)
        {
            Registration.NodeLog.RouteFailed(log, route.Destination.ToString(), node.ToString(), e.Message);
        }
    }
}
