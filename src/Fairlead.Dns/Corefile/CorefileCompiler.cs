using System.Net;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Hosts;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Corefile;

/// <summary>
/// From a Corefile's blocks to options: the directives that kubeadm and k3s ship, and their neighbours. What is not known is an error,
/// because a directive that were passed over would be a promise not kept. One instance a file.
/// </summary>
internal sealed partial class CorefileCompiler(List<string> errors)
{
    private const int DefaultPort = 53;
    private readonly Dictionary<string, CorefileLine> _domains = [];
    private readonly List<ServerBlockOptions> _blocks = [];
    private readonly List<IPEndPoint> _status = [];
    private readonly HashSet<IPAddress> _bound = [];
    private HashSet<int>? _ports;
    private ZoneOptions? _zone;
    private TimeSpan _lameduck;
    private TimeSpan? _reload;

    /// <summary>What the directives of the block at hand have said.</summary>
    private ServerBlockOptions _block = new();
    private List<ForwardRule> _forward = [];
    private IReadOnlyList<string> _keys = [];

    internal CorefileSettings Compile(string file, CorefileTree tree)
    {
        foreach (CorefileBlock block in tree.Blocks)
        {
            Compile(block);
        }
        if (_zone is null)
        {
            errors.Add($"{file}: no server block has the directive kubernetes");
        }
        bool autopath = _blocks.Any(block => block.Autopath);
        IEnumerable<IPAddress> addresses = _bound.Count > 0 ? _bound : [IPAddress.Any];
        return new CorefileSettings
        {
            Options = new ClusterDnsOptions
            {
                Listen = [.. addresses.SelectMany(address => (_ports ?? []).Select(port => new IPEndPoint(address, port)))],
                Zone = (_zone ?? new ZoneOptions()) with { FollowPods = autopath },
                Blocks = _blocks,
                Lameduck = _lameduck,
            },
            Status = [.. _status.Distinct()],
            Reload = _reload,
        };
    }

    private void Compile(CorefileBlock block)
    {
        _keys = Domains(block);
        _block = new ServerBlockOptions { HasZone = false, Cache = new CacheOptions { Longest = TimeSpan.Zero, LongestNegative = TimeSpan.Zero, PrefetchHits = 0, Stale = StalePolicy.Never } };
        _forward = [];
        var seen = new HashSet<string>();
        foreach (CorefileDirective directive in block.Directives)
        {
            if (directive.Name is not ("forward" or "log" or "bind") && !seen.Add(directive.Name))
            {
                Error(directive.Line, $"{directive.Name} stands twice in a server block");
            }
            Compile(directive);
        }
        _blocks.AddRange(_keys.Select(domain => _block with { Domain = domain, Forward = [.. _forward] }));
    }

    private void Compile(CorefileDirective directive)
    {
        switch (directive.Name)
        {
            case "kubernetes": Kubernetes(directive); break;
            case "forward": Forward(directive); break;
            case "cache": Cache(directive); break;
            case "hosts": Hosts(directive); break;
            case "log": Log(directive); break;
            case "health": Health(directive); break;
            case "ready": Status(directive, ":8181"); break;
            case "prometheus": Status(directive, "localhost:9153"); break;
            case "reload": Reload(directive); break;
            case "bind": Bind(directive); break;
            case "autopath": Autopath(directive); break;
            case "loadbalance": LoadBalance(directive); break;
            // Failures are always logged, and servers that lead back here always looked for.
            case "errors" or "loop": Expect(directive, directive.Arguments.Count == 0 && directive.Body.Count == 0, $"{directive.Name} takes no settings here"); break;
            default:
                Error(directive.Line, $"the directive {directive.Name} is not known; known are autopath, bind, cache, errors, forward, health, hosts, import, kubernetes, loadbalance, log, loop, prometheus, ready, reload");
                break;
        }
    }

    private List<string> Domains(CorefileBlock block)
    {
        var domains = new List<string>();
        var ports = new HashSet<int>();
        foreach (string key in block.Keys)
        {
            string rest = key.StartsWith("dns://", StringComparison.Ordinal) ? key["dns://".Length..] : key;
            int colon = rest.LastIndexOf(':');
            string domain = colon < 0 ? rest : rest[..colon];
            int? port = colon < 0 ? DefaultPort : CorefileValues.Number(rest[(colon + 1)..]);
            domain = domain.Length == 0 ? "." : domain;
            if (port is not (> 0 and <= ushort.MaxValue) || domain.Contains('/') || DnsName.Parse(domain) is not { } name)
            {
                Error(block.Line, $"{key} is not a domain and port such as .:53 or consul.local");
                continue;
            }
            string canonical = DnsName.ToText(name);
            if (!_domains.TryAdd(canonical, block.Line))
            {
                Error(block.Line, $"{domain} has a server block already in line {_domains[canonical].Number}");
            }
            domains.Add(domain);
            ports.Add(port.Value);
        }
        _ports ??= ports;
        if (!_ports.SetEquals(ports))
        {
            Error(block.Line, "all server blocks must have the same port");
        }
        return domains;
    }

    private bool Expect(CorefileDirective directive, bool holds, string what)
    {
        if (!holds)
        {
            Error(directive.Line, what);
        }
        return holds;
    }

    private void Error(CorefileLine line, string what) => errors.Add(line.Error(what));

    private void Unknown(CorefileDirective directive, CorefileLine line) => Error(line, $"{directive.Name} has no setting {string.Join(' ', line.Words)}");

    private T? Value<T>(CorefileLine line, T? value, string what) where T : struct
    {
        if (value is null)
        {
            Error(line, $"{string.Join(' ', line.Words)}: {what} is expected");
        }
        return value;
    }
}
