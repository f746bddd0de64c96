using System.Net;
using System.Net.Sockets;

namespace Fairlead.Dns.Server;

/// <summary>
/// Which clients are the cluster's: those with an address that is not routed on the Internet (RFC 6890), and those of the networks
/// named. Others may be the victim of somebody who forges the victim's address, and so get little over UDP.
/// </summary>
internal sealed class ClientRule
{
    private static readonly string[] s_local =
    [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128",
    ];

    private readonly Range[] _v4, _v6;

    internal ClientRule(IEnumerable<IPNetwork> networks)
    {
        Range[] all = [.. s_local.Select(text => IPNetwork.Parse(text)).Concat(networks).Select(Range.Of)];
        _v4 = [.. all.Where(range => !range.IsIPv6)];
        _v6 = [.. all.Where(range => range.IsIPv6)];
    }

    /// <summary>Hot.</summary>
    internal bool IsInside(in Client client)
    {
        foreach (Range range in client.IsIPv6 ? _v6 : _v4)
        {
            if (client.Address - range.First <= range.Size)
            {
                return true;
            }
        }
        return false;
    }

    /// <param name="Size">One less than the number of addresses.</param>
    private readonly record struct Range(bool IsIPv6, UInt128 First, UInt128 Size)
    {
        internal static Range Of(IPNetwork network)
        {
            Client first = Client.From(new IPEndPoint(network.BaseAddress, 0), isUdp: true, 0);
            int bits = network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32;
            int free = bits - network.PrefixLength;
            return new Range(first.IsIPv6, first.Address, free == 128 ? UInt128.MaxValue : (UInt128.One << free) - 1);
        }
    }
}
