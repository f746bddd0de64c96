using System.Net;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns;

/// <summary>Settings of the cluster's DNS.</summary>
public sealed record ClusterDnsOptions
{
    private const int LongestDomain = 100;

    /// <summary>Where to listen, over UDP and TCP. Port 0 takes a free one, the same for both.</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [new(IPAddress.Any, 53)];

    /// <summary>The cluster's domain.</summary>
    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>Servers asked for everything else; null: those in /etc/resolv.conf.</summary>
    public IReadOnlyList<IPEndPoint>? Upstreams { get; init; }

    /// <summary>TTL of the cluster's records, in seconds.</summary>
    public int TimeToLive { get; init; } = 5;

    /// <summary>UDP sockets, each with a thread, an address; 0: one a processor.</summary>
    public int Workers { get; init; }

    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (Listen.Count == 0)
        {
            errors.Add("there is no address to listen at");
        }
        if (DnsName.Parse(ClusterDomain) is not { Length: > 1 and <= LongestDomain })
        {
            errors.Add($"\"{ClusterDomain}\" cannot be the cluster's domain");
        }
        if (TimeToLive is < 0 or > 3600)
        {
            errors.Add("the TTL must be between 0 and 3600 seconds");
        }
        if (Workers < 0)
        {
            errors.Add("the number of workers must not be negative");
        }
        return errors;
    }
}
