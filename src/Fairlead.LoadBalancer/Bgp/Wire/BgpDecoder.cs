using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace Fairlead.LoadBalancer.Bgp.Wire;

/// <summary>Reads messages; what is wrong with them is answered as the fault to tell the peer.</summary>
internal static class BgpDecoder
{
    public const int HeaderLength = 19;
    public const int LongestMessage = 4096;
    private const int MarkerLength = 16;
    private const byte Version = 4;

    /// <param name="header"><see cref="HeaderLength"/> bytes.</param>
    /// <param name="bodyLength">Bytes that follow, 0–4077.</param>
    public static bool TryReadHeader(ReadOnlySpan<byte> header, out BgpType type, out int bodyLength, [NotNullWhen(false)] out BgpFault? fault)
    {
        type = (BgpType)header[MarkerLength + 2];
        var length = BinaryPrimitives.ReadUInt16BigEndian(header[MarkerLength..]);
        bodyLength = length - HeaderLength;
        fault = header[..MarkerLength].ContainsAnyExcept((byte)0xFF) ? BgpFault.NotSynchronized
            : type is < BgpType.Open or > BgpType.RouteRefresh ? BgpFault.Of(1, 3, (byte)type)
            : length < Shortest(type) || length > Longest(type) ? BgpFault.Of(1, 2, header[MarkerLength], header[MarkerLength + 1])
            : null;
        return fault is null;
    }

    /// <summary>Null with the fault to tell, if it is wrong.</summary>
    /// <param name="body">What follows the header, of a length that <see cref="TryReadHeader"/> found right.</param>
    public static BgpMessage? Decode(BgpType type, ReadOnlySpan<byte> body, out BgpFault? fault)
    {
        fault = null;
        switch (type)
        {
            case BgpType.Open:
                return DecodeOpen(body, out fault);
            case BgpType.Update:
                if (IsFramed(body)) return new UpdateMessage();
                fault = BgpFault.MalformedAttributes;
                return null;
            case BgpType.Notification:
                return new NotificationMessage(BgpFault.Of(body[0], body[1], body[2..].ToArray()));
            case BgpType.RouteRefresh:
                return new RouteRefreshMessage(body[3] == BgpEncoder.Unicast ? Family(BinaryPrimitives.ReadUInt16BigEndian(body)) : null);
            default:
                return new KeepaliveMessage();
        }
    }

    private static int Shortest(BgpType type) => type switch
    {
        BgpType.Open => 29,
        BgpType.Update or BgpType.RouteRefresh => 23,
        BgpType.Notification => 21,
        _ => HeaderLength,
    };

    private static int Longest(BgpType type) => type switch { BgpType.Keepalive => HeaderLength, BgpType.RouteRefresh => 23, _ => LongestMessage };

    private static OpenMessage? DecodeOpen(ReadOnlySpan<byte> body, out BgpFault? fault)
    {
        const byte Capabilities = 2;
        fault = null;
        if (body[0] != Version) fault = BgpFault.Of(2, 1, 0, Version);
        else if (body[9] != body.Length - 10) fault = BgpFault.MalformedOpen;
        if (fault is not null) return null;
        var open = new OpenMessage(BinaryPrimitives.ReadUInt16BigEndian(body[1..]), BinaryPrimitives.ReadUInt16BigEndian(body[3..]), BinaryPrimitives.ReadUInt32BigEndian(body[5..]));
        for (var rest = body[10..]; rest.Length > 0;)
        {
            if (!TryTake(ref rest, out var type, out var value)) fault = BgpFault.MalformedOpen;
            else if (type != Capabilities) fault = BgpFault.UnsupportedParameter;
            else if (AddCapabilities(open, value) is { } more) open = more;
            else fault = BgpFault.MalformedOpen;
            if (fault is not null) return null;
        }
        return open;
    }

    /// <summary>Null: they are cut off. Unknown ones are passed over, as RFC 5492 section 3 asks.</summary>
    private static OpenMessage? AddCapabilities(OpenMessage open, ReadOnlySpan<byte> rest)
    {
        while (rest.Length > 0)
        {
            if (!TryTake(ref rest, out var code, out var value)) return null;
            switch (code)
            {
                case BgpEncoder.Multiprotocol when value.Length == 4:
                    var family = value[3] == BgpEncoder.Unicast ? Family(BinaryPrimitives.ReadUInt16BigEndian(value)) : null;
                    open = open with { Families = [.. open.Families ?? [], .. family is { } spoken ? (AddressFamily[])[spoken] : []] };
                    break;
                case BgpEncoder.FourOctetAs when value.Length == 4:
                    open = open with { HasFourOctetAs = true, As = BinaryPrimitives.ReadUInt32BigEndian(value) };
                    break;
                case BgpEncoder.Multiprotocol or BgpEncoder.FourOctetAs:
                    return null;
                case BgpEncoder.RouteRefresh:
                    open = open with { HasRouteRefresh = true };
                    break;
            }
        }
        return open;
    }

    /// <summary>Whether the lengths of withdrawn routes and of attributes stay inside (RFC 4271 section 6.3).</summary>
    private static bool IsFramed(ReadOnlySpan<byte> body)
    {
        var withdrawn = BinaryPrimitives.ReadUInt16BigEndian(body);
        if (withdrawn + 4 > body.Length) return false;
        return withdrawn + 4 + BinaryPrimitives.ReadUInt16BigEndian(body[(2 + withdrawn)..]) <= body.Length;
    }

    /// <summary>One octet of type, one of length, and so many of value.</summary>
    private static bool TryTake(ref ReadOnlySpan<byte> rest, out byte type, out ReadOnlySpan<byte> value)
    {
        type = 0;
        value = default;
        if (rest.Length < 2 || rest.Length < 2 + rest[1]) return false;
        type = rest[0];
        value = rest.Slice(2, rest[1]);
        rest = rest[(2 + value.Length)..];
        return true;
    }

    private static AddressFamily? Family(ushort number) => number switch { 1 => AddressFamily.InterNetwork, 2 => AddressFamily.InterNetworkV6, _ => null };
}
