using System.Net;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Node.Network;

/// <summary>
/// The link over which packets to pods of nodes that are no neighbours go, wrapped in UDP from node to node (docs/decisions/0014). It has this node's first pod address:
/// what the node itself says to a pod over there, and what it translates, comes from an address whose answers find the same way back.
/// </summary>
internal sealed class NodeTunnel
{
    public const string Name = "fl-vxlan";

    /// <summary>VXLAN-GPE's (IANA).</summary>
    public const ushort Port = 4790;

    private const uint Id = 1;

    /// <summary>Bytes of the outer IPv4, UDP and VXLAN heads.</summary>
    private const int Overhead = 20 + 8 + 8;

    private readonly int _link;
    private readonly IPAddress _node;
    private readonly IPAddress _gateway;

    private NodeTunnel(int link, IPAddress node, IPAddress gateway) => (_link, _node, _gateway) = (link, node, gateway);

    /// <summary>Makes the link, or takes over the one that is there.</summary>
    /// <param name="node">This node's own address, which the others send to.</param>
    /// <param name="gateway">This node's first pod address.</param>
    /// <exception cref="IOException">The kernel refused.</exception>
    public static NodeTunnel Open(RouteSocket socket, IPAddress node, IPAddress gateway)
    {
        var under = socket.ListAddresses().FirstOrDefault(address => address.Address.Equals(node)) ?? throw new IOException($"no link has the node's address {node}");
        var mtu = socket.ListLinks().First(link => link.Index == under.LinkIndex).Mtu - Overhead;
        socket.TryCreateVxlan(new VxlanLink(Name, Port, mtu));
        var index = socket.IndexOf(Name);
        socket.SetMtu(index, mtu);
        socket.TryAddAddress(new LinkAddress(index, gateway, 32));
        socket.SetUp(index);
        return new NodeTunnel(index, node, gateway);
    }

    public static void Remove(RouteSocket socket) => socket.TryDeleteLink(Name);

    public Route To(IPNetwork pods, IPAddress remote) => new(pods) { LinkIndex = _link, Source = _gateway, Tunnel = new RouteTunnel(Id, remote) { Local = _node } };
}
