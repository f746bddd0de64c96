using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.LoadBalancer;

/// <summary>Addresses of one family to give to services: <c>172.18.0.200-172.18.0.250</c>, both included, or a network such as <c>192.0.2.0/28</c> or <c>2001:db8::/120</c>.</summary>
public sealed record AddressRange(IPAddress First, IPAddress Last)
{
    public AddressFamily Family => First.AddressFamily;

    public static bool TryParse(string text, [NotNullWhen(true)] out AddressRange? range)
    {
        range = null;
        if (IPNetwork.TryParse(text, out var network))
        {
            var bits = 8 * network.BaseAddress.GetAddressBytes().Length;
            var others = network.PrefixLength == 0 ? UInt128.MaxValue : (UInt128.One << (bits - network.PrefixLength)) - 1;
            range = new AddressRange(network.BaseAddress, FromNumber(ToNumber(network.BaseAddress) | others, network.BaseAddress.AddressFamily));
            return true;
        }
        var ends = text.Split('-', 2, StringSplitOptions.TrimEntries);
        if (ends.Length != 2 || !IPAddress.TryParse(ends[0], out var first) || !IPAddress.TryParse(ends[1], out var last)) return false;
        if (first.AddressFamily != last.AddressFamily || ToNumber(first) > ToNumber(last)) return false;
        range = new AddressRange(first, last);
        return true;
    }

    public bool Contains(IPAddress address) => address.AddressFamily == Family && ToNumber(address) >= ToNumber(First) && ToNumber(address) <= ToNumber(Last);

    /// <summary>From the first on; of IPv6 there may be more than anybody counts.</summary>
    public IEnumerable<IPAddress> All()
    {
        var last = ToNumber(Last);
        for (var number = ToNumber(First); ; number++)
        {
            yield return FromNumber(number, Family);
            if (number == last) yield break;
        }
    }

    public override string ToString() => $"{First}-{Last}";

    private static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static IPAddress FromNumber(UInt128 number, AddressFamily family)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(family == AddressFamily.InterNetwork ? bytes[12..] : bytes);
    }
}
