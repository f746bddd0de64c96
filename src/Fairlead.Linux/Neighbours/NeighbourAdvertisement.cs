using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Neighbours;

/// <summary>Tells a link's neighbours that an IPv6 address is at this machine now (RFC 4861 section 7.2.6, "unsolicited Neighbor Advertisement").</summary>
public static class NeighbourAdvertisement
{
    private const byte Type = 136, Override = 0x20, TargetLinkLayerAddress = 2;
    private const int FlagsOffset = 4, TargetOffset = 8, OptionOffset = 24, Length = 32;

    /// <summary>Anything less has been forwarded, and is not taken from a neighbour.</summary>
    private const int HopLimit = 255;

    /// <summary>Sends one to all nodes of the link.</summary>
    /// <exception cref="SocketException">The link is down or gone.</exception>
    public static void Send(NetworkNamespace network, int linkIndex, PhysicalAddress mac, IPAddress address)
    {
        using var socket = network.CreateSocket(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.IcmpV6);
        socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, linkIndex);
        socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastTimeToLive, HopLimit);
        socket.SendTo(Advertisement(mac.GetAddressBytes(), address.GetAddressBytes()), new IPEndPoint(IPAddress.Parse($"ff02::1%{linkIndex}"), 0));
    }

    /// <summary>The kernel puts in the checksum.</summary>
    private static byte[] Advertisement(byte[] mac, byte[] address)
    {
        var packet = new byte[Length];
        packet[0] = Type;
        packet[FlagsOffset] = Override;
        address.CopyTo(packet, TargetOffset);
        packet[OptionOffset] = TargetLinkLayerAddress;
        // Of the option, in units of eight octets.
        packet[OptionOffset + 1] = 1;
        mac.CopyTo(packet, OptionOffset + 2);
        return packet;
    }
}
