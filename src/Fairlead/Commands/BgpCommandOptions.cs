using System.CommandLine;
using Fairlead.LoadBalancer.Bgp;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>Which routers are told of load-balancer addresses; the commands that run an announcer have these options.</summary>
internal sealed class BgpCommandOptions
{
    private const string PasswordFile = "password-file=";

    private readonly Option<string[]> _peers = new("--bgp-peer")
    {
        Description = "ADDRESS[:PORT],as=NUMBER[,hold-time=90s][,password-file=FILE] of a router to tell of the load-balancer addresses, with this node as their next hop; may be given again. Nodes then answer ARP for none.",
    };

    private readonly Option<string?> _as = new("--bgp-as") { Description = "AS number of the nodes, with --bgp-peer." };
    private readonly Option<bool> _layer2 = new("--layer2") { Description = "With --bgp-peer: nevertheless answer ARP too, one node for each address." };

    public IReadOnlyList<Option> All => [_peers, _as, _layer2];

    /// <summary>Null: no router is named.</summary>
    /// <exception cref="UserException">Something is missing or wrong.</exception>
    public BgpOptions? Read(ParseResult parse)
    {
        var peers = parse.GetValue(_peers)!;
        if (peers.Length == 0)
        {
            if (parse.GetValue(_as) is not null) throw new UserException("--bgp-as needs --bgp-peer: a router to speak to");
            return null;
        }
        var (options, errors) = BgpOptions.Parse(peers, parse.GetValue(_as));
        return options ?? throw new UserException(string.Join("; ", errors));
    }

    public bool KeepsLayer2(ParseResult parse) => parse.GetValue(_layer2);

    /// <summary>The same as words of a command line, for a process that is started with them; empty: no router is named.</summary>
    /// <exception cref="UserException">Something is missing or wrong: those processes would tell it only in their logs.</exception>
    public IReadOnlyList<string> Pass(ParseResult parse) => Read(parse) is null
        ? []
        : [.. parse.GetValue(_peers)!.SelectMany(peer => (string[])[_peers.Name, WithFullPath(peer)]), _as.Name, parse.GetValue(_as)!, .. KeepsLayer2(parse) ? (string[])[_layer2.Name] : []];

    private static string WithFullPath(string peer) => string.Join(',', peer.Split(',', StringSplitOptions.TrimEntries)
        .Select(word => word.StartsWith(PasswordFile, StringComparison.Ordinal) ? PasswordFile + Path.GetFullPath(word[PasswordFile.Length..]) : word));
}
