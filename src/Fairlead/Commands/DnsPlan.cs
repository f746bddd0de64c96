using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Forward;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>How the cluster's DNS is run, alone or in an agent.</summary>
internal sealed record DnsPlan(ClusterDnsOptions Options)
{
    /// <summary>Where it says of itself what there is to say; empty: nowhere.</summary>
    public IReadOnlyList<IPEndPoint> Status { get; init; } = [];

    /// <summary>Null: it has no file.</summary>
    public FollowedCorefile? Followed { get; init; }

    /// <summary>A node's, by a Corefile: it answers where the node's DNS is to be, for the node's domain.</summary>
    /// <param name="upstreams">Stand for the name servers of /etc/resolv.conf, which a node's network may not reach; empty: those are asked.</param>
    /// <exception cref="UserException">The file is wrong; the message says each line that is.</exception>
    public static DnsPlan OfNode(string file, string node, IPEndPoint listen, string domain, IReadOnlyList<UpstreamServer> upstreams)
    {
        var first = Read(file);
        if (!string.Equals(first.Options.Zone.Domain.TrimEnd('.'), domain, StringComparison.OrdinalIgnoreCase))
            throw new UserException($"{file} is for the domain {first.Options.Zone.Domain}, but this cluster's is {domain}");
        if (Finish(first).Validate() is { Count: > 0 } errors) throw new UserException($"{file}: {string.Join("; ", errors)}");
        return new DnsPlan(Finish(first)) { Status = first.Status, Followed = new FollowedCorefile(file, first, Finish) };

        ClusterDnsOptions Finish(CorefileSettings now) => now.Options with
        {
            Listen = [listen],
            Zone = now.Options.Zone with { PodsOnNode = node },
            Blocks = [.. now.Options.Blocks.Select(block => block with { Forward = [.. block.Forward.Select(rule => OfNode(rule, upstreams))] })],
        };
    }

    /// <exception cref="UserException">The file is wrong.</exception>
    public static CorefileSettings Read(string file) => CorefileSettings.Read(file, out var errors) ?? throw new UserException(string.Join("; ", errors));

    private static ForwardRule OfNode(ForwardRule rule, IReadOnlyList<UpstreamServer> upstreams) =>
        upstreams.Count > 0 && rule.ResolverFiles.Any(ForwardRule.OfNode.ResolverFiles.Contains)
            ? rule with { Servers = [.. rule.Servers, .. upstreams], ResolverFiles = [.. rule.ResolverFiles.Except(ForwardRule.OfNode.ResolverFiles)] }
            : rule;
}

/// <summary>A Corefile that is read again when it has changed.</summary>
/// <param name="Finish">From what it says to the server's settings.</param>
internal sealed record FollowedCorefile(string File, CorefileSettings First, Func<CorefileSettings, ClusterDnsOptions> Finish);
