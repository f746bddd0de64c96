using Fairlead.Dns.Forward;
using Fairlead.Dns.Hosts;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns;

/// <summary>What answers for a domain and all below it; of several, the one with the longest domain does.</summary>
public sealed record ServerBlockOptions
{
    public string Domain { get; init; } = ".";

    /// <summary>The cluster's names are answered here.</summary>
    public bool HasZone { get; init; } = true;

    /// <summary>Where other names go; the first rule whose domain fits.</summary>
    public IReadOnlyList<ForwardRule> Forward { get; init; } = [ForwardRule.OfNode];

    public CacheOptions Cache { get; init; } = new();

    /// <summary>Names of a file, asked for before all others; null: none.</summary>
    public HostsOptions? Hosts { get; init; }

    /// <summary>Which questions are logged; of several rules, the first whose domain fits.</summary>
    public IReadOnlyList<QueryLogOptions> Log { get; init; } = [];

    /// <summary>
    /// A name that a pod's search list was put behind is followed down that list here, which saves the pod the round trips (CoreDNS'
    /// autopath). Only for clients whose namespace is known by their address: <see cref="ZoneOptions.FollowPods"/>.
    /// </summary>
    public bool Autopath { get; init; }

    /// <summary>The cluster's names from here; other names from these servers.</summary>
    /// <param name="servers">Null: the node's resolvers.</param>
    public static ServerBlockOptions Of(IReadOnlyList<UpstreamServer>? servers) =>
        new() { Forward = [servers is null ? ForwardRule.OfNode : new ForwardRule { Servers = servers }] };

    internal void Validate(List<string> errors)
    {
        if (DnsName.Parse(Domain) is null)
        {
            errors.Add($"\"{Domain}\" is no domain to answer for");
        }
        foreach (string domain in (IEnumerable<string>)[.. Hosts?.Domains ?? [], .. Hosts?.Fallthrough ?? [], .. Log.SelectMany(log => log.Domains)])
        {
            if (DnsName.Parse(domain) is null)
            {
                errors.Add($"\"{domain}\" is no domain");
            }
        }
        foreach (ForwardRule rule in Forward)
        {
            rule.Validate(errors);
        }
    }
}
