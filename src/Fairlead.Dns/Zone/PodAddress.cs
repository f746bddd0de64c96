using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Dns.Zone;

/// <summary>
/// Pod names that spell an address (specification 2.6): 10-244-0-7.default.pod. They are answered without a look at the pods, as
/// CoreDNS does in its mode "insecure", which kubeadm sets.
/// </summary>
internal static class PodAddress
{
    /// <summary>The address that a label spells: four octets, or an IPv6 address with dashes for colons.</summary>
    /// <param name="bytes">Room for 16 bytes.</param>
    /// <returns>4 or 16, or 0 when the label is no address.</returns>
    internal static int Parse(ReadOnlySpan<byte> label, Span<byte> bytes)
    {
        if (label.Count((byte)'-') == 3 && label.IndexOf("--"u8) < 0)
        {
            return ParseIPv4(label, bytes);
        }
        Span<byte> text = stackalloc byte[label.Length];
        label.Replace(text, (byte)'-', (byte)':');
        return IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6
            && address.TryWriteBytes(bytes, out int written) ? written : 0;
    }

    private static int ParseIPv4(ReadOnlySpan<byte> label, Span<byte> bytes)
    {
        for (int i = 0; i < 4; i++)
        {
            if (!Utf8Parser.TryParse(label, out byte octet, out int consumed) || consumed != (i < 3 ? label.IndexOf((byte)'-') : label.Length))
            {
                return 0;
            }
            bytes[i] = octet;
            label = i < 3 ? label[(consumed + 1)..] : [];
        }
        return 4;
    }
}
