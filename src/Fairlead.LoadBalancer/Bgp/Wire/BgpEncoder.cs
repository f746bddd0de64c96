using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.LoadBalancer.Bgp.Wire;

/// <summary>Writes messages, header included; each answer is one message, or as many as the routes need.</summary>
internal static class BgpEncoder
{
    public const byte Unicast = 1;
    public const byte Multiprotocol = 1, RouteRefresh = 2, FourOctetAs = 65;

    /// <summary>What stands for a number that does not fit in two octets (RFC 6793 section 9).</summary>
    public const ushort TransitionAs = 23456;

    private const int LocalPreference = 100;
    private const byte WellKnown = 0x40, Optional = 0x80, OptionalTransitive = 0xC0, ExtendedLength = 0x10;

    // Of the 4,096 octets of a message, what header, lengths and the longest attributes leave.
    private const int RouteBudget = 3900;

    public static byte[] Open(uint localAs, ushort holdSeconds, uint identifier, AddressFamily family)
    {
        byte[] capabilities =
        [
            Multiprotocol, 4, .. Number(Family(family)), 0, Unicast,
            RouteRefresh, 0,
            FourOctetAs, 4, .. Number(localAs),
        ];
        return Message(BgpType.Open, [4, .. Number(TwoOctets(localAs)), .. Number(holdSeconds), .. Number(identifier), (byte)(capabilities.Length + 2), 2, (byte)capabilities.Length, .. capabilities]);
    }

    public static byte[] Keepalive() => Message(BgpType.Keepalive, []);

    public static byte[] Notification(BgpFault fault) => Message(BgpType.Notification, [fault.Code, fault.Subcode, .. fault.Data]);

    /// <summary>Routes to single addresses, all of the next hop's family.</summary>
    public static IEnumerable<byte[]> Announce(IEnumerable<IPAddress> addresses, RouteAttributes attributes)
    {
        var family = attributes.NextHop.AddressFamily;
        foreach (var routes in Routes(addresses, family))
        {
            yield return family == AddressFamily.InterNetwork
                ? Update([], [.. Common(attributes), .. Attribute(WellKnown, 3, attributes.NextHop.GetAddressBytes()), .. Preference(attributes)], routes)
                // First, so that a receiver finds the routes even where a later attribute is broken (RFC 7606 section 5.1).
                : Update([], [.. Attribute(Optional, 14, [.. Number(Family(family)), Unicast, 16, .. attributes.NextHop.GetAddressBytes(), 0, .. routes]), .. Common(attributes), .. Preference(attributes)], []);
        }
    }

    /// <summary>Takes back routes to single addresses of one family.</summary>
    public static IEnumerable<byte[]> Withdraw(IEnumerable<IPAddress> addresses, AddressFamily family)
    {
        foreach (var routes in Routes(addresses, family))
        {
            yield return family == AddressFamily.InterNetwork
                ? Update(routes, [], [])
                : Update([], Attribute(Optional, 15, [.. Number(Family(family)), Unicast, .. routes]), []);
        }
    }

    /// <summary>ORIGIN (from inside the AS) and AS_PATH, which for a peer of old has the number in a second attribute where two octets are too few.</summary>
    private static byte[] Common(RouteAttributes attributes)
    {
        byte[] origin = Attribute(WellKnown, 1, [0]);
        if (attributes.IsInternal) return [.. origin, .. Attribute(WellKnown, 2, [])];
        const byte Sequence = 2;
        if (attributes.HasFourOctetAs) return [.. origin, .. Attribute(WellKnown, 2, [Sequence, 1, .. Number(attributes.LocalAs)])];
        byte[] path = Attribute(WellKnown, 2, [Sequence, 1, .. Number(TwoOctets(attributes.LocalAs))]);
        return attributes.LocalAs <= ushort.MaxValue ? [.. origin, .. path] : [.. origin, .. path, .. Attribute(OptionalTransitive, 17, [Sequence, 1, .. Number(attributes.LocalAs)])];
    }

    private static byte[] Preference(RouteAttributes attributes) => attributes.IsInternal ? Attribute(WellKnown, 5, Number((uint)LocalPreference)) : [];

    private static byte[] Attribute(byte flags, byte type, byte[] value) => value.Length > byte.MaxValue
        ? [(byte)(flags | ExtendedLength), type, .. Number((ushort)value.Length), .. value]
        : [flags, type, (byte)value.Length, .. value];

    /// <summary>Each as its length in bits and its octets, as many together as a message holds.</summary>
    private static IEnumerable<byte[]> Routes(IEnumerable<IPAddress> addresses, AddressFamily family)
    {
        var octets = family == AddressFamily.InterNetwork ? 4 : 16;
        return addresses.Chunk(RouteBudget / (octets + 1)).Select(chunk => chunk.SelectMany(address => (byte[])[(byte)(octets * 8), .. address.GetAddressBytes()]).ToArray());
    }

    private static byte[] Update(byte[] withdrawn, byte[] attributes, byte[] routes) =>
        Message(BgpType.Update, [.. Number((ushort)withdrawn.Length), .. withdrawn, .. Number((ushort)attributes.Length), .. attributes, .. routes]);

    private static byte[] Message(BgpType type, byte[] body)
    {
        var message = new byte[BgpDecoder.HeaderLength + body.Length];
        message.AsSpan(0, 16).Fill(0xFF);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(16), (ushort)message.Length);
        message[18] = (byte)type;
        body.CopyTo(message, BgpDecoder.HeaderLength);
        return message;
    }

    private static ushort TwoOctets(uint number) => number > ushort.MaxValue ? TransitionAs : (ushort)number;

    private static ushort Family(AddressFamily family) => (ushort)(family == AddressFamily.InterNetwork ? 1 : 2);

    private static byte[] Number(ushort value) => [(byte)(value >> 8), (byte)value];

    private static byte[] Number(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
