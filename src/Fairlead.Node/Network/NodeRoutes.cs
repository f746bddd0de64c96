using System.Collections.Immutable;
using System.Net;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Network;

/// <summary>What the pod network needs to know of a node.</summary>
/// <param name="PodCidr">Null before it was given one.</param>
/// <param name="Address">Its InternalIP; null before it told.</param>
internal sealed record NodePlace(string Name, string? PodCidr, string? Address)
{
    public static NodePlace Of(V1Node node) => new(
        node.Metadata.Name,
        node.Spec?.PodCIDR is { Length: > 0 } cidr ? cidr : null,
        node.Status?.Addresses?.FirstOrDefault(address => address.Type == "InternalIP")?.Address);
}

/// <summary>Routes to the pods of the other nodes: each pod CIDR by the address of its node, which must be on a link of ours.</summary>
/// <param name="node">The node's own network namespace.</param>
internal sealed class NodeRoutes(NetworkNamespace node, string self, ILogger log)
{
    /// <summary>Marks our routes, so that none of another's is taken away (rtm_protocol; the kernel leaves most numbers to programs).</summary>
    private const byte Protocol = 199;

    private readonly Lock _lock = new();

    public static ImmutableDictionary<IPNetwork, IPAddress> Plan(IEnumerable<NodePlace> nodes, string self)
    {
        var routes = ImmutableDictionary.CreateBuilder<IPNetwork, IPAddress>();
        foreach (var place in nodes)
        {
            if (place.Name != self && IPNetwork.TryParse(place.PodCidr, out var cidr) && IPAddress.TryParse(place.Address, out var address)) routes[cidr] = address;
        }
        return routes.ToImmutable();
    }

    public void Apply(IEnumerable<NodePlace> nodes)
    {
        lock (_lock)
        {
            var wanted = Plan(nodes, self);
            using var socket = RouteSocket.Open(node);
            var present = socket.ListRoutes().Where(route => route.Protocol == Protocol).ToDictionary(route => route.Destination);
            foreach (var (cidr, gateway) in wanted)
            {
                if (!present.TryGetValue(cidr, out var old) || !gateway.Equals(old.Gateway)) Set(socket, cidr, gateway);
            }
            foreach (var (cidr, route) in present)
            {
                if (!wanted.ContainsKey(cidr)) socket.TryDeleteRoute(route);
            }
        }
    }

    private void Set(RouteSocket socket, IPNetwork cidr, IPAddress gateway)
    {
        try
        {
            socket.ReplaceRoute(new Route(cidr) { Gateway = gateway, Protocol = Protocol });
        }
        catch (IOException e)
        {
            Registration.NodeLog.RouteFailed(log, cidr.ToString(), gateway.ToString(), e.Message);
        }
    }
}
