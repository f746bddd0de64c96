using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Forward;

/// <summary>
/// One question, asked of one server after the other until one answers: the next is asked when one has failed, and beside it when it
/// takes long. Those that are down come last.
/// </summary>
internal sealed class UpstreamRace(IReadOnlyList<Upstream> upstreams, ForwardRule rule, CacheOptions cache, ForwardCounters counters, TimeProvider time)
{
    private int _turn;

    /// <summary>The first answer that settles the question; or else the last refusal; null when nobody answered.</summary>
    internal async Task<CachedResponse?> RunAsync(byte[] query)
    {
        using var stop = new CancellationTokenSource(rule.TotalTimeout, time);
        var running = new List<Task<CachedResponse?>>();
        CachedResponse? refusal = null;
        try
        {
            Upstream[] order = Order();
            for (int next = 0; next < order.Length || running.Count > 0;)
            {
                if (next < order.Length && !stop.IsCancellationRequested)
                {
                    running.Add(AskAsync(order[next], query, stop.Token));
                }
                next++;
                await WaitAsync(running, next < order.Length, stop.Token);
                foreach (Task<CachedResponse?> done in running.FindAll(task => task.IsCompleted))
                {
                    running.Remove(done);
                    CachedResponse? response = await done;
                    if (response is { Code: ResponseCode.NoError or ResponseCode.NoSuchName })
                    {
                        return response;
                    }
                    refusal = response ?? refusal;
                }
            }
            return refusal;
        }
        finally
        {
            // The slower ones are not waited for; they end without a failure.
            await stop.CancelAsync();
        }
    }

    private Upstream[] Order()
    {
        Upstream[] order = [.. upstreams.Where(upstream => !upstream.IsLoop)];
        if (rule.Policy == UpstreamPolicy.Random)
        {
            Random.Shared.Shuffle(order);
        }
        else if (rule.Policy == UpstreamPolicy.RoundRobin && order.Length > 1)
        {
            int turn = (Interlocked.Increment(ref _turn) & int.MaxValue) % order.Length;
            order = [.. order[turn..], .. order[..turn]];
        }
        return order.Any(upstream => upstream.IsDown) ? [.. order.OrderBy(upstream => upstream.IsDown)] : order;
    }

    private async Task WaitAsync(List<Task<CachedResponse?>> running, bool isMore, CancellationToken stop)
    {
        if (running.Count == 0)
        {
            return;
        }
        if (!isMore)
        {
            await Task.WhenAny(running);
            return;
        }
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny([.. running, Task.Delay(rule.HedgeDelay, time, enough.Token)]);
        await enough.CancelAsync();
    }

    private async Task<CachedResponse?> AskAsync(Upstream upstream, byte[] query, CancellationToken cancel)
    {
        Interlocked.Increment(ref counters.Requests);
        try
        {
            return await upstream.AskAsync(query, cancel) is { } message ? CachedResponse.Read(message, cache, time.GetTimestamp()) : null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
