using System.Net;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Kube;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Proxy.Plan;

namespace Fairlead.Proxy.Apply;

/// <summary>A chain that chooses among a number of targets.</summary>
/// <param name="Reach">From outside: the source is masqueraded. Targets of node ports are kept under address zero.</param>
/// <param name="Count">How many targets there are.</param>
/// <param name="LocalCount">With externalTrafficPolicy Local, how many of them are for clients from outside; else null.</param>
/// <param name="AffinitySeconds">0: no affinity.</param>
/// <param name="Sources">Who may use it; empty: everybody.</param>
internal readonly record struct PickChain(Reach Reach, int Count, int? LocalCount, uint AffinitySeconds, EquatableArray<IPNetwork> Sources)
{
    internal string Name => From + Prefix + (LocalCount, AffinitySeconds) switch
    {
        (null, 0) => $"pick-{Count}",
        (null, _) => $"affinity-{Count}-{AffinitySeconds}",
        (_, 0) => $"local-{LocalCount}-of-{Count}",
        _ => $"local-affinity-{LocalCount}-of-{Count}-{AffinitySeconds}",
    };

    private string From => Sources.Count == 0 ? "" : $"from-{ProxyTable.Hash(string.Join(',', Sources))}-";

    private string Prefix => Reach switch { Reach.NodePort => "node-", Reach.ExternalAddress => "external-", _ => "" };
}

/// <summary>The sets of the proxy's table.</summary>
internal enum SetKind
{
    ClusterAddresses,
    Services,
    Endpoints,
    NodePorts,
    Hairpin,
}

/// <summary>
/// The layout of the proxy's table in one family: its sets, its fixed chains, and the chains that choose. No chain belongs
/// to a service, so that the kernel's cost of a change does not grow with the number of services.
/// </summary>
internal sealed class ProxyTable
{
    /// <summary>kube-proxy's own bit, so that other tools on the machine know it.</summary>
    private const uint MasqueradeMark = 0x4000;

    /// <summary>Clients remembered at most; more get no affinity.</summary>
    private const uint AffinitySize = 1 << 18;
    private const string RejectChain = "reject-cluster-ips", ServicesChain = "services";

    /// <summary>Where the indices of local targets begin; no service has that many endpoints.</summary>
    internal const uint FirstLocalIndex = 1 << 16;
    private readonly ServiceProxyOptions _options;
    private readonly FieldType _address;
    private static readonly IPNetwork s_loopback = IPNetwork.Parse("127.0.0.0/8");
    private readonly Selector _source, _destination;
    private IPNetwork[] _serviceNetworks;

    internal ProxyTable(TableFamily family, ServiceProxyOptions options)
    {
        _options = options;
        Family = family;
        Table = new Table(family, "fairlead");
        IsIPv6 = family == TableFamily.IPv6;
        Any = IsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        _address = IsIPv6 ? FieldType.IPv6Address : FieldType.IPv4Address;
        _source = Selector.Source(family);
        _destination = Selector.Destination(family);
        ClusterAddresses = new SetDefinition { Name = "cluster-ips", Key = [_address] };
        Services = new SetDefinition { Name = "service-ips", Key = [_address, FieldType.Protocol, FieldType.Port], IsVerdictMap = true };
        Endpoints = new SetDefinition { Name = "endpoints", Key = [_address, FieldType.Protocol, FieldType.Port, FieldType.Mark], Value = [_address, FieldType.Port] };
        NodePorts = new SetDefinition { Name = "node-ports", Key = [FieldType.Protocol, FieldType.Port], IsVerdictMap = true };
        Hairpin = new SetDefinition { Name = "hairpin", Key = [_address, _address] };
        Affinity = new SetDefinition
        {
            Name = "affinity",
            Key = [_address, _address, FieldType.Protocol, FieldType.Port],
            Value = [_address, FieldType.Port],
            IsDynamic = true,
            HasTimeout = true,
            Size = AffinitySize,
        };
        _serviceNetworks = Of(options.ServiceNetworks);
        Chains = [.. FixedChains()];
    }

    internal TableFamily Family { get; }

    internal bool IsIPv6 { get; }

    internal Table Table { get; }

    /// <summary>Address zero, under which the targets of node ports are kept.</summary>
    internal IPAddress Any { get; }

    internal SetDefinition ClusterAddresses { get; }

    internal SetDefinition Services { get; }

    internal SetDefinition Endpoints { get; }

    internal SetDefinition NodePorts { get; }

    internal SetDefinition Hairpin { get; }

    /// <summary>Filled by packets, never compared.</summary>
    internal SetDefinition Affinity { get; }

    /// <summary>The chains that are always there, targets before those that lead to them.</summary>
    internal IReadOnlyList<(Chain Chain, IReadOnlyList<Rule> Rules)> Chains { get; private set; }

    internal IEnumerable<SetDefinition> Sets => [ClusterAddresses, Services, Endpoints, NodePorts, Hairpin, Affinity];

    internal SetDefinition Definition(SetKind kind) => kind switch
    {
        SetKind.ClusterAddresses => ClusterAddresses,
        SetKind.Services => Services,
        SetKind.Endpoints => Endpoints,
        SetKind.NodePorts => NodePorts,
        _ => Hairpin,
    };

    /// <summary>Takes over in which networks unused addresses are refused; false when they were these already.</summary>
    internal bool TrySetServiceNetworks(IReadOnlyList<IPNetwork> networks)
    {
        IPNetwork[] now = Of(networks);
        if (now.SequenceEqual(_serviceNetworks))
        {
            return false;
        }
        _serviceNetworks = now;
        Chains = [.. FixedChains()];
        return true;
    }

    /// <summary>The rules of a chain that chooses.</summary>
    internal IReadOnlyList<Rule> Rules(PickChain chain)
    {
        Selector address = chain.Reach == Reach.NodePort ? Selector.Constant(Any) : _destination;
        Selector[] port = [address, Selector.Protocol, Selector.DestinationPort];
        Selector[] all = [.. port, Selector.Random((uint)chain.Count)];
        var rules = new List<Statement[]>();
        if (chain.Sources.Count > 0)
        {
            // From elsewhere: no answer, as from a firewall.
            rules.Add([.. chain.Sources.Select(network => new MatchNetwork(_source, network, Not: true)), new VerdictStatement(new Verdict(VerdictCode.Drop))]);
        }
        if (chain.LocalCount is { } local)
        {
            // A pod of the cluster and the node itself are no clients from outside: they may use every endpoint.
            rules.AddRange(FromPods().SelectMany(from => Choose([from], port, all, chain.AffinitySeconds)));
            rules.Add([Match.LocalSource, new SetMark(MasqueradeMark)]);
            rules.AddRange(Choose([Match.LocalSource], port, all, chain.AffinitySeconds));
            rules.AddRange(local == 0
                ? [[new VerdictStatement(new Verdict(VerdictCode.Drop))]]
                : Choose([], port, [.. port, Selector.Random((uint)local, FirstLocalIndex)], chain.AffinitySeconds));
        }
        else
        {
            if (chain.Reach != Reach.ClusterAddress)
            {
                rules.Add([new SetMark(MasqueradeMark)]);
            }
            rules.AddRange(Choose([], port, all, chain.AffinitySeconds));
        }
        return [.. rules.Select(statements => Comment(new Rule(chain.Name, statements)))];
    }

    /// <param name="who">Which packets; empty for all.</param>
    /// <param name="drawn">The port and a random index.</param>
    private IEnumerable<Statement[]> Choose(Statement[] who, Selector[] port, Selector[] drawn, uint affinitySeconds)
    {
        if (affinitySeconds > 0)
        {
            Selector[] client = [_source, .. port];
            var remember = new Remember(Family, client, Affinity.Name, affinitySeconds * 1000UL);
            yield return [.. who, new Choose(Family, client, Affinity.Name), remember, new TranslateDestination(Family)];
            yield return [.. who, new Choose(Family, drawn, Endpoints.Name), remember, new TranslateDestination(Family)];
        }
        // With affinity this is for the client for whom there was no room left.
        yield return [.. who, new TranslateByMap(Family, drawn, Endpoints.Name)];
    }

    private IPNetwork[] Of(IReadOnlyList<IPNetwork> networks) =>
        [.. networks.Where(network => (network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6) == IsIPv6)];

    /// <summary>Each of them says that a packet comes from a pod.</summary>
    private IEnumerable<Statement> FromPods() =>
        _options.PodLink is { } link ? [new MatchLink(link)] : Of(_options.ClusterNetworks).Select(network => new MatchNetwork(_source, network));

    private IEnumerable<(Chain Chain, IReadOnlyList<Rule> Rules)> FixedChains()
    {
        Selector[] port = [_destination, Selector.Protocol, Selector.DestinationPort];
        Statement toServices = new VerdictStatement(Verdict.Jump(ServicesChain));
        Statement toReject = new VerdictStatement(Verdict.Jump(RejectChain));
        Statement[] isCluster = [new MatchSet([_destination], ClusterAddresses.Name), toReject];
        IEnumerable<Statement[]> unreachable = [isCluster, .. _serviceNetworks.Select(network => new[] { new MatchNetwork(_destination, network), toReject })];

        // No answer but a refusal: neither to a port that no service has, nor to a ping.
        yield return Make(RejectChain, null,
            [Match.Protocol(6), new Reject(Family, Reset: true)],
            [new Reject(Family, Reset: false)]);
        yield return Make(ServicesChain, null,
            [.. FromElsewhere(), [new VerdictLookup(port, Services.Name)], .. NodePortRules()]);
        yield return Make("prerouting", new BaseHook(ChainType.Nat, HookPoint.PreRouting, -100), [toServices]);
        yield return Make("output", new BaseHook(ChainType.Nat, HookPoint.Output, -100), [toServices]);
        yield return Make("postrouting", new BaseHook(ChainType.Nat, HookPoint.PostRouting, 100), [.. Masquerades()]);
        // After translation: what still goes to a cluster address has found no endpoint.
        yield return Make("filter-forward", new BaseHook(ChainType.Filter, HookPoint.Forward, 0), [.. unreachable]);
        if (!IsIPv6 && _options.LocalhostNodePorts)
        {
            // The kernel must route what comes from there, so that nothing else may reach what listens there alone (CVE-2020-8558).
            yield return Make("filter-input", new BaseHook(ChainType.Filter, HookPoint.Input, 0),
                [new MatchNetwork(_destination, s_loopback), new MatchLink("lo", Not: true), new MatchBits(Selector.FlowStatus, MatchBits.Translated, Not: true), new VerdictStatement(new Verdict(VerdictCode.Drop))]);
        }
        yield return Make("filter-output", new BaseHook(ChainType.Filter, HookPoint.Output, 0), [.. unreachable]);
    }

    /// <summary>By which link a packet came is known here, but no longer where it is masqueraded.</summary>
    private IEnumerable<Statement[]> FromElsewhere() =>
        _options.PodLink is { } link ? [[new MatchSet([_destination], ClusterAddresses.Name), new MatchLink(link, Not: true), new SetMark(MasqueradeMark)]] : [];

    private IEnumerable<Statement[]> NodePortRules()
    {
        Statement[] isNode = [Match.LocalDestination, .. !IsIPv6 && _options.LocalhostNodePorts ? Array.Empty<Statement>() : [NotLoopback]];
        var lookup = new VerdictLookup([Selector.Protocol, Selector.DestinationPort], NodePorts.Name);
        return _options.NodePortNetworks is { Count: > 0 } networks
            ? Of(networks).Select(network => (Statement[])[.. isNode, new MatchNetwork(_destination, network), lookup])
            : [[.. isNode, lookup]];
    }

    private MatchNetwork NotLoopback => new(_destination, IsIPv6 ? IPNetwork.Parse("::1/128") : s_loopback, Not: true);

    private IEnumerable<Statement[]> Masquerades()
    {
        IPNetwork[] pods = Of(_options.ClusterNetworks);
        var translated = new MatchBits(Selector.FlowStatus, MatchBits.Translated);
        yield return [new MatchBits(Selector.Mark, MasqueradeMark), new Masquerade()];
        // A pod that reaches itself would otherwise answer itself without this node, and not recognize the answer.
        yield return [translated, new MatchSet([_source, _destination], Hairpin.Name), new Masquerade()];
        if (pods.Length > 0)
        {
            yield return
            [
                translated,
                .. pods.Select(network => new MatchNetwork(_source, network, Not: true)),
                new MatchSet([Selector.OriginalDestination(Family)], ClusterAddresses.Name),
                new Masquerade(),
            ];
        }
    }

    private static (Chain Chain, IReadOnlyList<Rule> Rules) Make(string name, BaseHook? hook, params Statement[][] rules) =>
        (new Chain(name, hook), [.. rules.Select(statements => Comment(new Rule(name, statements)))]);

    /// <summary>The comment is a hash of what the rule says, so that a rule read back is known without decoding it.</summary>
    private static Rule Comment(Rule rule) =>
        rule with { Comment = Hash(rule.Text) };

    internal static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 6));
}
