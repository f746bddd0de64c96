using System.Collections.Concurrent;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.HTTP.Proxying;
using Fairlead.ApiServer.Resources;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Metrics.Usage;

/// <summary>
/// Asks nodes what they use, when somebody wants to know and never else. A rate needs two readings: the earlier one is that of the last
/// question, if it was asked lately, or is taken now, and the second follows when the shortest window is over. Questions about one node that
/// come together share the answer.
/// </summary>
internal sealed class NodeUsages(Func<string, CancellationToken, Task<string>> read, TimeProvider time, ILogger log)
{
    public static readonly TimeSpan ShortestWindow = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan LongestWindow = TimeSpan.FromMinutes(1);

    /// <summary>For how long a node may keep somebody waiting.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<string, Slot> _slots = new();

    private sealed class Slot
    {
        public Lock Lock { get; } = new();
        public Task<NodeUsage?>? Running { get; set; }
        public (NodeReading Reading, long At)? Last { get; set; }
        public NodeUsage? Answer { get; set; }
    }

    /// <summary>Over the kubelet API of the nodes.</summary>
    public static NodeUsages Over(NodeTunnel tunnel, Registry registry, TimeProvider time, ILogger log)
    {
        var targets = new ProxyTargets(registry);
        return new NodeUsages(
            async (node, cancel) =>
            {
                var kubelet = targets.KubeletOf(node);
                using var request = new HttpRequestMessage(HttpMethod.Get, $"https://{kubelet.Authority}/metrics/resource");
                using var answer = await tunnel.SendAsync(request, kubelet, cancel);
                answer.EnsureSuccessStatusCode();
                return await answer.Content.ReadAsStringAsync(cancel);
            },
            time, log);
    }

    /// <param name="suffices">Whether an answer to somebody else will do: it may be from before a pod began.</param>
    /// <returns>Null: the node does not say.</returns>
    public async Task<NodeUsage?> OfAsync(string node, Func<NodeUsage, bool> suffices, CancellationToken cancel)
    {
        var slot = _slots.GetOrAdd(node, static _ => new Slot());
        var (asked, isShared) = Ask(node, slot, suffices);
        var usage = await asked.WaitAsync(cancel);
        if (!isShared || usage is null || suffices(usage)) return usage;
        return await Ask(node, slot, suffices).Asked.WaitAsync(cancel);
    }

    private (Task<NodeUsage?> Asked, bool IsShared) Ask(string node, Slot slot, Func<NodeUsage, bool> suffices)
    {
        lock (slot.Lock)
        {
            if (slot.Running is { IsCompleted: false } running) return (running, true);
            if (slot.Answer is { } fresh && slot.Last is { } last && time.GetElapsedTime(last.At) < ShortestWindow && suffices(fresh)) return (Task.FromResult<NodeUsage?>(fresh), true);
            return (slot.Running = MeasureAsync(node, slot), false);
        }
    }

    /// <summary>Nodes that are gone are forgotten.</summary>
    public void Keep(IReadOnlySet<string> nodes)
    {
        foreach (var node in _slots.Keys.Where(node => !nodes.Contains(node))) _slots.TryRemove(node, out _);
    }

    private async Task<NodeUsage?> MeasureAsync(string node, Slot slot)
    {
        try
        {
            var before = slot.Last is { } last && time.GetElapsedTime(last.At) <= LongestWindow ? last : await ReadAsync(node);
            var since = time.GetElapsedTime(before.At);
            if (since < ShortestWindow) await Task.Delay(ShortestWindow - since, time);
            var after = await ReadAsync(node);
            slot.Last = after;
            return slot.Answer = NodeUsage.Between(before.Reading, after.Reading);
        }
        catch (Exception e) when (e is ApiError or HttpRequestException or IOException or OperationCanceledException)
        {
            UsageLog.NotRead(log, node, e.Message);
            (slot.Last, slot.Answer) = (null, null);
            return null;
        }
    }

    private async Task<(NodeReading Reading, long At)> ReadAsync(string node)
    {
        using var late = new CancellationTokenSource(Patience, time);
        var text = await read(node, late.Token);
        return (NodeReading.Parse(text) ?? throw new IOException("its /metrics/resource does not tell what it uses"), time.GetTimestamp());
    }
}

internal static partial class UsageLog
{
    [LoggerMessage(5031, LogLevel.Warning, "node {Node} does not tell what it uses: {Message}")]
    public static partial void NotRead(ILogger log, string node, string message);
}
