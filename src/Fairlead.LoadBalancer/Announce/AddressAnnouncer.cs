using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using Fairlead.Linux.Namespaces;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>Runs on every node: answers ARP, and neighbour discovery of IPv6, for the load-balancer addresses that fall to this node and whose Leases it holds.</summary>
internal sealed class AddressAnnouncer(KubeClient client, AnnouncerOptions options, ILoggerFactory logs, TimeProvider time)
{
    private const int Announcements = 3;
    private const string SyncKey = "sync", RenewKey = "renew";
    private static readonly TimeSpan BetweenAnnouncements = TimeSpan.FromSeconds(1);
    private readonly ILogger _log = logs.CreateLogger("loadbalancer");

    private sealed record Sources(
        Informer<V1Service, BalancedService> Services, Informer<V1Node, ReceivingNode> Nodes, Informer<V1EndpointSlice, SliceNodes> Slices, Informer<V1Lease, LeaseItem> Leases);

    /// <summary>Runs until cancelled. The addresses stay when it ends, for as long as its Lease counts: its successor takes them over.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var network = options.OpenNetwork();
        using var syncs = new WorkQueue<string>(time);
        using var renewals = new WorkQueue<string>(time);
        var addresses = new AnnouncedAddresses(network, options.NodeAddress);
        var leases = new NodeLeases(client, options, _log, time);
        var from = new Sources(
            new(client, ApiResources.Services, service => BalancedService.Of(service, options.OnlyClass), _log, time),
            new(client, ApiResources.Nodes, ReceivingNode.Of, _log, time),
            new(client, ApiResources.EndpointSlices, SliceNodes.Of, _log, time),
            new(client, ApiResources.Leases, LeaseItem.From, _log, time, options.LeaseNamespace, new ListOptions { LabelSelector = LeaseItem.Label }));
        // One key for all: what this node announces is one set, and deciding it is cheap.
        from.Services.Changed += _ =>
        {
            syncs.Add(SyncKey);
            renewals.Add(RenewKey);
        };
        from.Nodes.Changed += _ => syncs.Add(SyncKey);
        from.Slices.Changed += change =>
        {
            if (from.Services.Items.ContainsKey((change.New ?? change.Old)!.Service)) syncs.Add(SyncKey);
        };
        from.Leases.Changed += change =>
        {
            if (leases.Observe(change.Old, change.New) || (change.New ?? change.Old)!.Address is not null) syncs.Add(SyncKey);
        };
        var informers = Task.WhenAll(from.Services.RunAsync(cancel), from.Nodes.RunAsync(cancel), from.Slices.RunAsync(cancel), from.Leases.RunAsync(cancel));
        await Task.WhenAll(from.Services.Synced, from.Nodes.Synced, from.Slices.Synced, from.Leases.Synced).WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        renewals.Add(RenewKey);
        syncs.Add(SyncKey);
        var renewing = QueueWorkers.RunAsync("announcer lease", renewals, (_, stop) => RenewAsync(leases, from, renewals, syncs, stop), workers: 1, _log, cancel);
        await QueueWorkers.RunAsync("announcer", syncs, (_, stop) => SyncAsync(addresses, leases, from, syncs, stop), workers: 1, _log, cancel);
        await Task.WhenAll(informers, renewing);
    }

    /// <summary>A node renews while there is anything to announce, whoever does: it must be known to live before it can take over.</summary>
    private static async Task RenewAsync(NodeLeases leases, Sources from, WorkQueue<string> renewals, WorkQueue<string> syncs, CancellationToken cancel)
    {
        if (!from.Services.Items.Values.Any(service => service.Addresses.Count > 0)) return;
        if (leases.Left < NodeLeases.Deadline - NodeLeases.Every / 2) await leases.RenewAsync(cancel);
        renewals.AddAfter(RenewKey, NodeLeases.Every);
        syncs.Add(SyncKey);
    }

    private async Task SyncAsync(AnnouncedAddresses addresses, NodeLeases leases, Sources from, WorkQueue<string> syncs, CancellationToken cancel)
    {
        var held = from.Leases.Items.Values.Where(lease => lease.Address is not null).GroupBy(lease => lease.Address!).ToDictionary(group => group.Key, group => group.First());
        var left = leases.Left;
        var situation = new Situation(
            options.NodeName, left > TimeSpan.Zero, from.Nodes.Items.Values.Select(node => node.Name).ToHashSet(), leases.Alive(),
            held.ToDictionary(pair => pair.Key, pair => pair.Value.Holder),
            service => from.Slices.Items.Values.Where(slice => slice.Service == service).SelectMany(slice => slice.Nodes.Split(',')).ToHashSet());
        var actions = AnnouncePlan.Decide(from.Services.Items.Values, situation);
        var isAlone = situation.Eligible.All(node => node == options.NodeName);
        foreach (var address in addresses.Apply(actions.Announce, isAlone ? null : left))
        {
            AnnouncerLog.Announced(_log, options.NodeName, address);
            _ = TellAsync(addresses, address, cancel);
        }
        // Time itself changes what is to be done: when this node's right runs out, or another's.
        if (left > TimeSpan.Zero) syncs.AddAfter(SyncKey, left);
        if (leases.NextSilence(situation.Holders.Values) is { } silence) syncs.AddAfter(SyncKey, silence);
        foreach (var address in actions.Release) await ReleaseAsync(held[address], cancel);
        foreach (var address in actions.Claim) await ClaimAsync(address, cancel);
        foreach (var address in actions.TakeOver)
        {
            if (await leases.IsSilentAsync(held[address].Holder, cancel)) await TakeOverAsync(held[address], cancel);
        }
    }

    private async Task ClaimAsync(string address, CancellationToken cancel)
    {
        try
        {
            await client.CreateAsync(ApiResources.Leases, New(address), cancel);
        }
        catch (KubeApiException e) when (e.IsAlreadyExists)
        {
            // Another was faster, or the cache is late; the watch tells.
        }
    }

    private async Task TakeOverAsync(LeaseItem from, CancellationToken cancel)
    {
        var lease = New(from.Address!);
        // Refused when anybody, its holder among them, has written it since.
        lease.Metadata.ResourceVersion = from.Version;
        await client.ReplaceAsync(ApiResources.Leases, lease, null, cancel);
        AnnouncerLog.TakenOver(_log, options.NodeName, from.Address!, from.Holder);
    }

    private async Task ReleaseAsync(LeaseItem lease, CancellationToken cancel)
    {
        var options = new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = lease.Uid, ResourceVersion = lease.Version } };
        await client.DeleteAsync(ApiResources.Leases, lease.Key, options, cancel);
        AnnouncerLog.Released(_log, lease.Holder, lease.Address!);
    }

    private V1Lease New(string address) =>
        LeaseItem.New(LeaseItem.AddressKey(options.LeaseNamespace, address), options.NodeName, address, time.GetUtcNow().UtcDateTime);

    /// <summary>More than once, since nobody confirms an announcement.</summary>
    private async Task TellAsync(AnnouncedAddresses addresses, string address, CancellationToken cancel)
    {
        try
        {
            for (var i = 0; i < Announcements; i++)
            {
                addresses.Tell(address);
                await Task.Delay(BetweenAnnouncements, time, cancel);
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            AnnouncerLog.NotTold(_log, address, e.Message);
        }
    }
}
