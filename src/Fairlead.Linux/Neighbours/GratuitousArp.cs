using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Neighbours;

/// <summary>Tells a link's neighbours that an address is at this machine now (RFC 5227 section 3, "ARP announcement").</summary>
public static class GratuitousArp
{
    private const ushort ArpProtocol = 0x0806;
    private const int RequestLength = 28;

    /// <summary>Broadcasts one announcement.</summary>
    /// <exception cref="SocketException">The link is down or gone.</exception>
    public static void Send(NetworkNamespace network, int linkIndex, PhysicalAddress mac, IPAddress address)
    {
        using var socket = network.CreateSocket(AddressFamily.Packet, SocketType.Dgram, (ProtocolType)BitConverter.ToUInt16([0x08, 0x06]));
        socket.SendTo(Request(mac.GetAddressBytes(), address.GetAddressBytes()), new LinkEndPoint(linkIndex));
    }

    /// <summary>A request for the address from the address itself.</summary>
    private static byte[] Request(byte[] mac, byte[] address)
    {
        var packet = new byte[RequestLength];
        ReadOnlySpan<byte> ethernetForIPv4Request = [0, 1, 8, 0, 6, 4, 0, 1];
        ethernetForIPv4Request.CopyTo(packet);
        mac.CopyTo(packet, 8);
        address.CopyTo(packet, 14);
        address.CopyTo(packet, 24);
        return packet;
    }

    /// <summary>struct sockaddr_ll of packet(7), for a broadcast on one link.</summary>
    private sealed class LinkEndPoint(int linkIndex) : EndPoint
    {
        private const int Length = 20;

        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            var address = new SocketAddress(AddressFamily.Packet, Length);
            address[2] = ArpProtocol >> 8;
            address[3] = ArpProtocol & 0xff;
            var index = BitConverter.GetBytes(linkIndex);
            for (var i = 0; i < index.Length; i++) address[4 + i] = index[i];
            address[11] = 6;
            for (var i = 12; i < 18; i++) address[i] = 0xff;
            return address;
        }
    }
}
