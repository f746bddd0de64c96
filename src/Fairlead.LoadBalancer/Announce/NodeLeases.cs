using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>
/// Renews this node's Lease and knows whose is fresh. Clocks of machines are not compared: another's Lease is fresh as long as
/// it was seen to change within <see cref="Duration"/>, and this one until <see cref="Deadline"/> after the request began that
/// renewed it last. The one being shorter than the other, a node falls silent before another speaks.
/// </summary>
internal sealed class NodeLeases(KubeClient client, AnnouncerOptions options, ILogger log, TimeProvider time)
{
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1.5);
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(0.7);
    private readonly ObjectKey _own = LeaseItem.NodeKey(options.LeaseNamespace, options.NodeName);
    private readonly ConcurrentDictionary<string, (DateTime? Renewed, long At)> _seen = new();
    private readonly long _started = time.GetTimestamp();
    private long _renewed;

    /// <summary>How long this node may announce without another renewal; negative: it may not.</summary>
    public TimeSpan Left => Volatile.Read(ref _renewed) is > 0 and var at ? Deadline - time.GetElapsedTime(at) : TimeSpan.MinValue;

    /// <summary>Notes a Lease as it is watched; true when a node came (back) to life.</summary>
    public bool Observe(LeaseItem? old, LeaseItem? now)
    {
        if (now is null)
        {
            if (old is { Address: null }) _seen.TryRemove(old.Holder, out _);
            return false;
        }
        if (now.Address is not null || (_seen.TryGetValue(now.Holder, out var seen) && seen.Renewed == now.Renewed)) return false;
        var wasAlive = IsAlive(now.Holder);
        _seen[now.Holder] = (now.Renewed, time.GetTimestamp());
        return !wasAlive;
    }

    /// <summary>Whether another node may still announce what it holds; one never heard of, for as long as this process has not listened long enough.</summary>
    public bool IsAlive(string node) => node == options.NodeName ? Left > TimeSpan.Zero : Silence(node) < Duration;

    /// <summary>Nodes heard of, alive ones among them.</summary>
    public IReadOnlySet<string> Alive() => _seen.Keys.Append(options.NodeName).Where(IsAlive).ToHashSet();

    /// <summary>Until the next of the holders falls silent.</summary>
    public TimeSpan? NextSilence(IEnumerable<string> holders)
    {
        var waits = holders.Where(node => node != options.NodeName && IsAlive(node)).Select(node => Duration - Silence(node)).ToList();
        return waits.Count == 0 ? null : waits.Min();
    }

    /// <summary>
    /// Asks the server itself whether a holder that seems dead has renewed meanwhile: a watch may be late.
    /// </summary>
    public async Task<bool> IsSilentAsync(string node, CancellationToken cancel)
    {
        var key = LeaseItem.NodeKey(options.LeaseNamespace, node);
        if (await client.FindAsync(ApiResources.Leases, key.Namespace, key.Name, cancel) is not { } lease) return true;
        if (LeaseItem.From(lease) is not { } item) return true;
        Observe(null, item);
        return !IsAlive(node);
    }

    /// <summary>Renews, or makes, this node's Lease; a failure is logged, and comes to count when time runs out.</summary>
    public async Task RenewAsync(CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        var began = time.GetTimestamp();
        var now = time.GetUtcNow().UtcDateTime;
        var patch = new JsonObject { ["spec"] = new JsonObject { ["renewTime"] = Timestamps.Micro(now) } };
        try
        {
            try
            {
                await client.PatchAsync(ApiResources.Leases, _own, Patch.Merge(patch), null, either.Token);
            }
            catch (KubeApiException e) when (e.IsNotFound)
            {
                await client.CreateAsync(ApiResources.Leases, LeaseItem.New(_own, options.NodeName, null, now), either.Token);
            }
            Volatile.Write(ref _renewed, began);
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            AnnouncerLog.NotRenewed(log, options.NodeName, e.Message);
        }
    }

    private TimeSpan Silence(string node) => time.GetElapsedTime(_seen.TryGetValue(node, out var seen) ? seen.At : _started);
}
