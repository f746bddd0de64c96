using System.Net;

namespace Fairlead.Dns;

/// <summary>Settings of the cluster's DNS.</summary>
public sealed record ClusterDnsOptions
{
    /// <summary>Where to listen, over UDP and TCP. Port 0 takes a free one, the same for both.</summary>
    public IReadOnlyList<IPEndPoint> Listen { get; init; } = [new(IPAddress.Any, 53)];

    /// <summary>The cluster's names.</summary>
    public ZoneOptions Zone { get; init; } = new();

    /// <summary>What answers for which names. By default the cluster's zone, and the node's resolvers for everything else.</summary>
    public IReadOnlyList<ServerBlockOptions> Blocks { get; init; } = [new()];

    /// <summary>UDP sockets, each with a thread, an address; 0: one a processor.</summary>
    public int Workers { get; init; }

    /// <summary>
    /// Networks of the cluster's clients, beside all addresses that are not routed on the Internet. Clients elsewhere get little over UDP:
    /// no more than 512 bytes, no ANY, and <see cref="OutsideRate"/>.
    /// </summary>
    public IReadOnlyList<IPNetwork> ClientNetworks { get; init; } = [];

    /// <summary>Answers about other domains that each network (/24, /56) of clients elsewhere gets a second over UDP.</summary>
    public int OutsideRate { get; init; } = 20;

    /// <summary>How long the API server may be away until readiness says so. Answers are given all the same.</summary>
    public TimeSpan ApiPatience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long it goes on answering, and says that it is not ready, when it is asked to stop.</summary>
    public TimeSpan Lameduck { get; init; }

    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (Listen.Count == 0)
        {
            errors.Add("there is no address to listen at");
        }
        Zone.Validate(errors);
        if (Workers < 0)
        {
            errors.Add("the number of workers must not be negative");
        }
        if (ApiPatience < TimeSpan.FromSeconds(1))
        {
            errors.Add("the patience with the API server must be at least a second");
        }
        if (OutsideRate < 0)
        {
            errors.Add("the rate for clients elsewhere must not be negative");
        }
        foreach (ServerBlockOptions block in Blocks)
        {
            block.Validate(errors);
        }
        return errors;
    }
}
