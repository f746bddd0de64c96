using Fairlead.Dns.Forward;
using Fairlead.Dns.Hosts;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>What answers for a domain and all below it: the cluster's zone, other servers, or both in this order.</summary>
internal sealed class ServerBlock : IDisposable
{
    internal ServerBlock(ServerBlockOptions options, ILogger log, TimeProvider time)
    {
        Domain = DnsName.Parse(options.Domain)!;
        HasZone = options.HasZone;
        Hosts = options.Hosts is null ? null : new HostSource(options.Hosts, log, time);
        Log = [.. options.Log.Select(rule => new QueryLog(rule, log, time))];
        Autopath = options.Autopath;
        Routes = [.. options.Forward.Select(rule => new ForwardRoute(rule, options.Cache, log, time))];
    }

    internal byte[] Domain { get; }

    internal bool HasZone { get; }

    internal HostSource? Hosts { get; }

    internal QueryLog[] Log { get; }

    internal bool Autopath { get; }

    internal ForwardRoute[] Routes { get; }

    internal void WriteLog(in Client client, in Query query, int messageLength, ReadOnlySpan<byte> response)
    {
        foreach (QueryLog rule in Log)
        {
            if (rule.Takes(query))
            {
                rule.Write(client, query, messageLength, response);
                return;
            }
        }
    }

    /// <summary>The first that takes the question; null when none does.</summary>
    internal ForwardRoute? Route(in Query query)
    {
        foreach (ForwardRoute route in Routes)
        {
            if (route.Takes(query))
            {
                return route;
            }
        }
        return null;
    }

    public void Dispose()
    {
        foreach (ForwardRoute route in Routes)
        {
            route.Dispose();
        }
    }
}

/// <summary>Everything that questions are answered from, as one configuration has it.</summary>
internal sealed class Serving : IDisposable
{
    /// <summary>The longest domains first.</summary>
    private readonly ServerBlock[] _blocks;

    internal Serving(ZoneHolder zone, ClusterDnsOptions options, ILogger log, TimeProvider time)
    {
        Zone = zone;
        _blocks = [.. options.Blocks.Select(block => new ServerBlock(block, log, time)).OrderByDescending(block => block.Domain.Length)];
        Clients = new ClientRule(options.ClientNetworks);
        Rate = new RateLimit(options.OutsideRate, time);
        NodeSearch = _blocks.Any(block => block.Autopath) && File.Exists(ResolverFile.Path)
            ? [.. ResolverFile.Search(File.ReadLines(ResolverFile.Path)).Select(DnsName.Parse).OfType<byte[]>()]
            : [];
    }

    internal IReadOnlyList<ServerBlock> Blocks => _blocks;

    internal ZoneHolder Zone { get; }

    internal ClientRule Clients { get; }

    internal RateLimit Rate { get; }

    /// <summary>The node's search list, which kubelets put behind the cluster's in every pod.</summary>
    internal IReadOnlyList<byte[]> NodeSearch { get; }

    internal ServerBlock? Find(in Query query)
    {
        foreach (ServerBlock block in _blocks)
        {
            if (query.IsBelow(block.Domain))
            {
                return block;
            }
        }
        return null;
    }

    /// <summary>Looks for servers that lead back here, and follows files, until cancelled.</summary>
    internal Task RunAsync(CancellationToken cancel) => Task.WhenAll(
        [.. _blocks.SelectMany(block => block.Routes).Select(route => route.Probe.RunAsync(cancel)), .. _blocks.Select(block => block.Hosts?.RunAsync(cancel) ?? Task.CompletedTask)]);

    public void Dispose()
    {
        foreach (ServerBlock block in _blocks)
        {
            block.Dispose();
        }
    }
}

/// <summary>Where the present configuration is found. One writer, any readers.</summary>
internal sealed class ServingHolder(Serving first)
{
    private Serving _current = first;

    internal Serving Current
    {
        get => Volatile.Read(ref _current);
        set => Volatile.Write(ref _current, value);
    }
}
