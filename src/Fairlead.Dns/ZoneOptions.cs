using Fairlead.Dns.Wire;
using Fairlead.Kube;

namespace Fairlead.Dns;

/// <summary>How names of pods that spell an address are answered (specification 2.6).</summary>
public enum PodNames
{
    /// <summary>There are none.</summary>
    Disabled,

    /// <summary>Every name that spells an address exists, without a look at the pods.</summary>
    Insecure,

    /// <summary>Those of pods that are there.</summary>
    Verified,
}

/// <summary>The cluster's own names.</summary>
public sealed record ZoneOptions
{
    private const int LongestDomain = 100;
    private static readonly EquatableArray<string> s_reverse = new(["in-addr.arpa", "ip6.arpa"]);

    /// <summary>The cluster's domain.</summary>
    public string Domain { get; init; } = "cluster.local";

    /// <summary>TTL of the cluster's records, in seconds.</summary>
    public int TimeToLive { get; init; } = 5;

    /// <summary>Domains in which the names of addresses (PTR) are the cluster's.</summary>
    public EquatableArray<string> Reverse { get; init; } = s_reverse;

    /// <summary>Domains whose unknown names are others' to answer, "." for all; those of other domains do not exist.</summary>
    public EquatableArray<string> Fallthrough { get; init; } = s_reverse;

    public PodNames Pods { get; init; } = PodNames.Insecure;

    /// <summary>Pods are followed, so that a client's namespace is known by its address.</summary>
    public bool FollowPods { get; init; }

    /// <summary>Only pods of this node are followed, which is what a node may read; its own are its clients. Null: all are.</summary>
    public string? PodsOnNode { get; init; }

    internal void Validate(List<string> errors)
    {
        if (DnsName.Parse(Domain) is not { Length: > 1 and <= LongestDomain })
        {
            errors.Add($"\"{Domain}\" cannot be the cluster's domain");
        }
        foreach (string domain in Reverse.Concat(Fallthrough).Where(domain => DnsName.Parse(domain) is null))
        {
            errors.Add($"\"{domain}\" is no domain");
        }
        if (Pods == PodNames.Verified && PodsOnNode is not null)
        {
            errors.Add("\"pods verified\" takes every pod of the cluster, but a node may read its own only; say insecure or disabled");
        }
        if (TimeToLive is < 0 or > 3600)
        {
            errors.Add("the TTL must be between 0 and 3600 seconds");
        }
    }
}
