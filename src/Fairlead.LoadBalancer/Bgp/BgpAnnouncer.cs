using System.Net;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using Fairlead.Linux.Namespaces;
using Fairlead.LoadBalancer.Announce;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Bgp;

/// <summary>Runs on every node: tells the routers which load-balancer addresses this node receives, with itself as the next hop.</summary>
internal sealed class BgpAnnouncer(KubeClient client, AnnouncerOptions options, BgpOptions bgp, ILoggerFactory logs, TimeProvider time)
{
    private const string SyncKey = "sync";
    private readonly ILogger _log = logs.CreateLogger("bgp");
    private readonly AnnouncedPrefixes _prefixes = new();
    private readonly IReadOnlyList<PeerCounters> _counters = [.. bgp.Peers.Select(peer => new PeerCounters(peer))];

    private sealed record Sources(Informer<V1Service, BalancedService> Services, Informer<V1Node, ReceivingNode> Nodes, Informer<V1EndpointSlice, ReadyEndpoints> Slices);

    /// <summary>In Prometheus' text format.</summary>
    public string Metrics() => BgpMetrics.Text(_counters);

    /// <summary>Runs until cancelled; then the peers are told, and forget this node's routes at once.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var network = options.OpenNetwork();
        using var syncs = new WorkQueue<string>(time);
        var from = new Sources(
            new(client, ApiResources.Services, service => BalancedService.Of(service, options.OnlyClass), _log, time),
            new(client, ApiResources.Nodes, ReceivingNode.Of, _log, time, options: new ListOptions { FieldSelector = $"metadata.name={options.NodeName}" }),
            new(client, ApiResources.EndpointSlices, slice => ReadyEndpoints.Of(slice, options.NodeName), _log, time));
        // One key for all: what this node announces is one set, and deciding it is cheap.
        from.Services.Changed += _ => syncs.Add(SyncKey);
        from.Nodes.Changed += _ => syncs.Add(SyncKey);
        from.Slices.Changed += change =>
        {
            if (from.Services.Items.ContainsKey((change.New ?? change.Old)!.Service)) syncs.Add(SyncKey);
        };
        var informers = Task.WhenAll(from.Services.RunAsync(cancel), from.Nodes.RunAsync(cancel), from.Slices.RunAsync(cancel));
        await Task.WhenAll(from.Services.Synced, from.Nodes.Synced, from.Slices.Synced).WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Before the first session, so that a peer that knew this node's routes gets all of them together.
        if (!cancel.IsCancellationRequested) Sync(from);
        var identifier = BgpOptions.Identifier(options.NodeName, options.NodeAddress);
        var peerings = bgp.Peers.Select((peer, i) => new BgpPeering(network, options.NodeName, new Speaker(bgp, peer, identifier, _prefixes, _counters[i]), _log, time).RunAsync(cancel)).ToList();
        await QueueWorkers.RunAsync("bgp", syncs, (_, _) => Task.FromResult(Sync(from)), workers: 1, _log, cancel);
        await Task.WhenAll([informers, .. peerings]);
    }

    private bool Sync(Sources from)
    {
        var addresses = BgpPlan.Decide(from.Services.Items.Values, from.Slices.Items.Values, from.Nodes.Items.Values.Any(node => node.Name == options.NodeName));
        var isNew = _prefixes.Replace(addresses);
        if (isNew) BgpLog.Announces(_log, options.NodeName, addresses.Count == 0 ? "nothing" : string.Join<IPAddress>(", ", addresses));
        return isNew;
    }
}
