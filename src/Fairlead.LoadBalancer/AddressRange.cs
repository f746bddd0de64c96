using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.LoadBalancer;

/// <summary>IPv4 addresses to give to services: <c>172.18.0.200-172.18.0.250</c>, both included, or a network such as <c>192.0.2.0/28</c>.</summary>
public sealed record AddressRange(IPAddress First, IPAddress Last)
{
    public static bool TryParse(string text, [NotNullWhen(true)] out AddressRange? range)
    {
        range = null;
        if (IPNetwork.TryParse(text, out var network) && network.BaseAddress.AddressFamily == AddressFamily.InterNetwork)
        {
            var size = (uint)(1L << (32 - network.PrefixLength));
            range = new AddressRange(network.BaseAddress, FromNumber(ToNumber(network.BaseAddress) + size - 1));
            return true;
        }
        var ends = text.Split('-', 2, StringSplitOptions.TrimEntries);
        if (ends.Length != 2 || !IPAddress.TryParse(ends[0], out var first) || !IPAddress.TryParse(ends[1], out var last)) return false;
        if (first.AddressFamily != AddressFamily.InterNetwork || last.AddressFamily != AddressFamily.InterNetwork || ToNumber(first) > ToNumber(last)) return false;
        range = new AddressRange(first, last);
        return true;
    }

    public bool Contains(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && ToNumber(address) >= ToNumber(First) && ToNumber(address) <= ToNumber(Last);

    public IEnumerable<IPAddress> All()
    {
        for (var number = (long)ToNumber(First); number <= ToNumber(Last); number++) yield return FromNumber((uint)number);
    }

    public override string ToString() => $"{First}-{Last}";

    private static uint ToNumber(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        return (uint)bytes[0] << 24 | (uint)bytes[1] << 16 | (uint)bytes[2] << 8 | bytes[3];
    }

    private static IPAddress FromNumber(uint number) => new([(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]);
}
