using System.Buffers.Binary;
using System.Net;

namespace Fairlead.Dns.Server;

/// <summary>Who asks. A value, so that it may wait with its question.</summary>
/// <param name="Address">An IPv4 address in the low 32 bits.</param>
/// <param name="ReceivedAt">A timestamp of TimeProvider.</param>
internal readonly record struct Client(UInt128 Address, bool IsIPv6, ushort Port, bool IsUdp, long ReceivedAt)
{
    internal const int LongestAddress = 16;
    private static ReadOnlySpan<byte> Mapped => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF];

    /// <param name="address">4 or 16 bytes.</param>
    internal static Client From(ReadOnlySpan<byte> address, ushort port, bool isUdp, long receivedAt)
    {
        // A socket for both families shows IPv4 addresses as ::ffff:10.0.0.1.
        if (address.Length == LongestAddress && address.StartsWith(Mapped))
        {
            address = address[Mapped.Length..];
        }
        return address.Length == LongestAddress
            ? new Client(BinaryPrimitives.ReadUInt128BigEndian(address), true, port, isUdp, receivedAt)
            : new Client(BinaryPrimitives.ReadUInt32BigEndian(address), false, port, isUdp, receivedAt);
    }

    internal static Client From(IPEndPoint address, bool isUdp, long receivedAt) => From(address.Address.GetAddressBytes(), (ushort)address.Port, isUdp, receivedAt);

    /// <summary>The address's bytes. Answers how many.</summary>
    internal int WriteAddress(Span<byte> to)
    {
        if (IsIPv6)
        {
            BinaryPrimitives.WriteUInt128BigEndian(to, Address);
            return LongestAddress;
        }
        BinaryPrimitives.WriteUInt32BigEndian(to, (uint)Address);
        return sizeof(uint);
    }

    internal IPEndPoint EndPoint()
    {
        Span<byte> bytes = stackalloc byte[LongestAddress];
        return new IPEndPoint(new IPAddress(bytes[..WriteAddress(bytes)]), Port);
    }
}
