using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.Ingress.Proxy.Lean.Wire;

/// <summary>
/// The line or block by which a load balancer in front says whose connection it passes on: PROXY protocol, versions 1 and 2
/// (https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, section 2). Read strictly; checksums and other extensions are passed over.
/// </summary>
/// <param name="State">Never <see cref="HeadState.Declined"/>.</param>
/// <param name="Length">Bytes of it, when it is whole.</param>
/// <param name="Client">Null where it names none: a health check of the balancer's own.</param>
internal readonly record struct ProxyHeader(HeadState State, int Length, IPEndPoint? Client)
{
    /// <summary>Bytes beyond which none is read.</summary>
    internal const int Longest = 4096;

    private const int LongestLine = 107;
    private const int FixedLength = 16;
    private const int Tcp4 = 0x11, Tcp6 = 0x21;
    private static readonly SearchValues<char> AddressCharacters = SearchValues.Create("0123456789abcdefABCDEF.:");
    private static readonly ProxyHeader Unfinished = new(HeadState.Unfinished, 0, null);
    private static readonly ProxyHeader Refused = new(HeadState.Refused, 0, null);

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    private static ReadOnlySpan<byte> Word => "PROXY "u8;

    internal static ProxyHeader Read(ReadOnlySpan<byte> bytes)
    {
        if (Begins(bytes, Word)) return bytes.Length < Word.Length ? Unfinished : ReadLine(bytes);
        if (Begins(bytes, Signature)) return bytes.Length < FixedLength ? Unfinished : ReadBlock(bytes);
        return Refused;
    }

    private static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> with) => bytes.Length < with.Length ? with.StartsWith(bytes) : bytes.StartsWith(with);

    private static ProxyHeader ReadLine(ReadOnlySpan<byte> bytes)
    {
        var end = bytes[..Math.Min(bytes.Length, LongestLine)].IndexOf("\r\n"u8);
        if (end < 0) return bytes.Length < LongestLine ? Unfinished : Refused;
        var words = Encoding.Latin1.GetString(bytes[..end]).Split(' ');
        if (words is ["PROXY", "UNKNOWN", ..]) return new ProxyHeader(HeadState.Whole, end + 2, null);
        if (words is not ["PROXY", "TCP4" or "TCP6", var from, var to, var port, var toPort]) return Refused;
        var family = words[1] == "TCP4" ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        if (Address(from, family) is not { } client || Address(to, family) is null || Port(port) is not { } number || Port(toPort) is null) return Refused;
        return new ProxyHeader(HeadState.Whole, end + 2, Plain(client, number));
    }

    private static IPAddress? Address(string text, AddressFamily family) =>
        !text.AsSpan().ContainsAnyExcept(AddressCharacters) && IPAddress.TryParse(text, out var address) && address.AddressFamily == family
        && (family == AddressFamily.InterNetworkV6 || text.AsSpan().Count('.') == 3) ? address : null;

    private static int? Port(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= ushort.MaxValue ? port : null;

    private static ProxyHeader ReadBlock(ReadOnlySpan<byte> bytes)
    {
        var (version, command, kind) = (bytes[12] >> 4, bytes[12] & 15, bytes[13]);
        var length = FixedLength + BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        if (version != 2 || command > 1 || length > Longest) return Refused;
        if (bytes.Length < length) return Unfinished;
        var addresses = bytes[FixedLength..length];
        if (command == 0 || kind is not (Tcp4 or Tcp6)) return new ProxyHeader(HeadState.Whole, length, null);
        var size = kind == Tcp4 ? 4 : 16;
        if (addresses.Length < (2 * size) + 4) return Refused;
        return new ProxyHeader(HeadState.Whole, length, Plain(new IPAddress(addresses[..size]), BinaryPrimitives.ReadUInt16BigEndian(addresses[(2 * size)..])));
    }

    private static IPEndPoint Plain(IPAddress address, int port) => new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
}
