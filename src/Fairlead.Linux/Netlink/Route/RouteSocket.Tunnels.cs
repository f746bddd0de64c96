using System.Net;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>How a route's packets are wrapped (linux/lwtunnel.h): the route, and not its link, says to whom they go.</summary>
/// <param name="Id">The virtual network's number, 24 bits.</param>
/// <param name="Remote">The machine that unwraps them.</param>
public sealed record RouteTunnel(uint Id, IPAddress Remote)
{
    /// <summary>Null: the address that leads to the remote machine.</summary>
    public IPAddress? Local { get; init; }
}

/// <summary>A VXLAN link without an end of its own: each route over it carries a <see cref="RouteTunnel"/>.</summary>
/// <param name="Port">UDP port at which it listens, and to which it sends.</param>
/// <param name="Mtu">Largest packet in bytes, before it is wrapped.</param>
public sealed record VxlanLink(string Name, ushort Port, int Mtu);

public sealed partial class RouteSocket
{
    private const ushort RouteEncapsulationKind = 21, RouteEncapsulation = 22, EncapsulationIp = 2, TunnelId = 1, TunnelRemote = 2, TunnelLocal = 3;
    private const ushort VxlanLearning = 7, VxlanPort = 15, VxlanCollectMetadata = 25, VxlanGenericProtocol = 27;

    /// <summary>
    /// Makes a VXLAN link, down. It carries IP packets without Ethernet heads (VXLAN-GPE, IFLA_VXLAN_GPE), so that there are no addresses of cards to learn, and
    /// takes packets of every virtual network. False when the name is taken.
    /// </summary>
    public bool TryCreateVxlan(VxlanLink link)
    {
        CheckName(link.Name);
        MessageBuffer request = Begin(NewLink, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive, new LinkHeader());
        request.Text(LinkName, link.Name);
        request.UInt32(LinkMtu, (uint)link.Mtu);
        using (request.Nest(LinkInfo))
        {
            request.Text(InfoKind, "vxlan");
            using (request.Nest(InfoData))
            {
                request.UInt16Network(VxlanPort, link.Port);
                request.Byte(VxlanLearning, 0);
                request.Byte(VxlanCollectMetadata, 1);
                request.Flag(VxlanGenericProtocol);
            }
        }
        return AcknowledgeUnless($"create vxlan {link.Name}", errno => errno == Errno.Exists);
    }

    private static void WriteTunnel(MessageBuffer request, RouteTunnel tunnel)
    {
        request.UInt16(RouteEncapsulationKind, EncapsulationIp);
        using (request.Nest(RouteEncapsulation))
        {
            request.UInt64Network(TunnelId, tunnel.Id);
            request.Address(TunnelRemote, tunnel.Remote);
            if (tunnel.Local is not null)
            {
                request.Address(TunnelLocal, tunnel.Local);
            }
        }
    }

    private static RouteTunnel? ReadTunnel(AttributeReader encapsulation)
    {
        ulong id = 0;
        IPAddress? remote = null, local = null;
        foreach (Attribute attribute in encapsulation)
        {
            switch (attribute.Type)
            {
                case TunnelId: id = System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(attribute.Value); break;
                case TunnelRemote: remote = attribute.Address(); break;
                case TunnelLocal: local = attribute.Address(); break;
                default: break;
            }
        }
        return remote is null ? null : new RouteTunnel((uint)id, remote) { Local = IPAddress.Any.Equals(local) ? null : local };
    }
}
