using System.Globalization;
using System.Net;
using System.Text;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Zone;

/// <summary>The names under which addresses are looked up: in-addr.arpa (RFC 1035 3.5) and ip6.arpa (RFC 3596 2.5).</summary>
internal static class ReverseAddress
{
    private const int LabelsOfIPv4 = 6, LabelsOfIPv6 = 34;
    private static ReadOnlySpan<byte> IPv4Suffix => "\u0007in-addr\u0004arpa\0"u8;
    private static ReadOnlySpan<byte> IPv6Suffix => "\u0003ip6\u0004arpa\0"u8;

    /// <summary>Whether a query is for the name of one address.</summary>
    internal static bool Is(in Query query) =>
        (query.LabelCount == LabelsOfIPv4 && query.Name.EndsWith(IPv4Suffix)) || (query.LabelCount == LabelsOfIPv6 && query.Name.EndsWith(IPv6Suffix));

    /// <summary>The name of an address in wire form.</summary>
    internal static byte[] Name(IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        var text = new StringBuilder();
        for (int i = bytes.Length - 1; i >= 0; i--)
        {
            if (bytes.Length == 4)
            {
                text.Append(CultureInfo.InvariantCulture, $"{bytes[i]}.");
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"{bytes[i] & 15:x}.{bytes[i] >> 4:x}.");
            }
        }
        return DnsName.Parse(text + (bytes.Length == 4 ? "in-addr.arpa" : "ip6.arpa"))!;
    }
}
