using System.Net;

namespace Fairlead.Proxy;

/// <summary>Settings of the proxy.</summary>
public sealed record ServiceProxyOptions
{
    /// <summary>This node's name, as endpoints name it.</summary>
    public required string NodeName { get; init; }

    /// <summary>
    /// Networks of the pods (detect-local modes ClusterCIDR and NodeCIDR). What comes to a cluster address from elsewhere is masqueraded.
    /// Empty, and no <see cref="PodLink"/>: nothing is.
    /// </summary>
    public IReadOnlyList<IPNetwork> ClusterNetworks { get; init; } = [];

    /// <summary>
    /// The link by which this node's pods come (mode BridgeInterface), or with '*' at its end how those links' names begin (mode
    /// InterfaceNamePrefix); instead of <see cref="ClusterNetworks"/>. Null: they are told by address.
    /// </summary>
    public string? PodLink { get; init; }

    /// <summary>
    /// Networks of the cluster addresses, beside those of the API's ServiceCIDRs. What goes to an address there that no service has
    /// is rejected. Empty: only services' addresses are.
    /// </summary>
    public IReadOnlyList<IPNetwork> ServiceNetworks { get; init; } = [];

    /// <summary>Networks of the node's addresses on which node ports answer (--nodeport-addresses). Empty: on all, but for loopback.</summary>
    public IReadOnlyList<IPNetwork> NodePortNetworks { get; init; } = [];

    /// <summary>Node ports answer on 127.0.0.1 too (kube-proxy's --iptables-localhost-nodeports); IPv4 alone, the kernel has no such way for IPv6.</summary>
    public bool LocalhostNodePorts { get; init; }

    /// <summary>Serve IPv4.</summary>
    public bool IPv4 { get; init; } = true;

    /// <summary>Serve IPv6.</summary>
    public bool IPv6 { get; init; }

    /// <summary>How often to look whether somebody else has changed nf_tables, which costs one small request.</summary>
    public TimeSpan WatchInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often at most to compare every element after somebody has.</summary>
    public TimeSpan FullCheckInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Path of the network namespace to work in; null: this process's own.</summary>
    public string? NetworkNamespacePath { get; init; }

    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (NodeName.Length == 0)
        {
            errors.Add("the node's name is missing (--hostname-override)");
        }
        if (!IPv4 && !IPv6)
        {
            errors.Add("neither IPv4 nor IPv6 is to be served");
        }
        if (PodLink is not null && ClusterNetworks.Count > 0)
        {
            errors.Add("pods are told either by their networks or by their link, not by both");
        }
        if (PodLink is { } link && (link.TrimEnd('*').Length is 0 or > 15 || link[..^1].Contains('*', StringComparison.Ordinal)))
        {
            errors.Add($"\"{link}\" is not the name of a link");
        }
        if (WatchInterval <= TimeSpan.Zero || FullCheckInterval <= TimeSpan.Zero)
        {
            errors.Add("the intervals must be positive");
        }
        return errors;
    }
}
