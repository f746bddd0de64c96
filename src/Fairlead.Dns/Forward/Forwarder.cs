using System.Collections.Concurrent;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Forward;

/// <summary>
/// Answers other domains' questions by asking other servers, one exchange for all who ask the same at one time, and keeps what they
/// say. Null answers mean that nobody answered: SERVFAIL.
/// </summary>
internal sealed class Forwarder
{
    private readonly ForwardOptions _options;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly ResponseCache _cache;
    private readonly ConcurrentDictionary<byte[], Task<CachedResponse?>> _asking = new(QuestionKey.Comparer.Instance);
    private int _turn;

    internal Forwarder(ForwardOptions options, ILogger log, TimeProvider time)
    {
        _options = options;
        _log = log;
        _time = time;
        _cache = new ResponseCache(options, time);
        Upstreams = [.. options.Upstreams.Select(address => new Upstream(address, options, time))];
    }

    internal IReadOnlyList<Upstream> Upstreams { get; }

    internal ForwardCounters Counters { get; } = new();

    internal int CacheCount => _cache.Count;

    /// <summary>Writes a kept answer. 0: there is none. Hot: allocates nothing.</summary>
    internal int TryWriteCached(in Query query, ReadOnlySpan<byte> message, Span<byte> response)
    {
        Span<byte> key = stackalloc byte[QuestionKey.Longest];
        if (_cache.Find(QuestionKey.Write(query, key), stale: false) is not { } kept)
        {
            return 0;
        }
        Interlocked.Increment(ref Counters.CacheHits);
        return kept.WriteTo(query, message, _cache.AgeOf(kept), response);
    }

    internal uint AgeOf(CachedResponse response) => _cache.AgeOf(response);

    /// <summary>The answer, kept or asked for.</summary>
    internal Task<CachedResponse?> ResolveAsync(in Query query, ReadOnlySpan<byte> message)
    {
        Span<byte> space = stackalloc byte[QuestionKey.Longest];
        ReadOnlySpan<byte> key = QuestionKey.Write(query, space);
        if (_cache.Find(key, stale: false) is { } kept)
        {
            Interlocked.Increment(ref Counters.CacheHits);
            return Task.FromResult<CachedResponse?>(kept);
        }
        if (_asking.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out Task<CachedResponse?>? running))
        {
            return running;
        }
        Interlocked.Increment(ref Counters.CacheMisses);
        if (_asking.Count >= _options.Concurrency)
        {
            Interlocked.Increment(ref Counters.Rejected);
            return Task.FromResult<CachedResponse?>(null);
        }
        return Start(key.ToArray(), UpstreamQuery.Create(query, message));
    }

    private Task<CachedResponse?> Start(byte[] key, byte[] upstream)
    {
        var promise = new TaskCompletionSource<CachedResponse?>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<CachedResponse?> running = _asking.GetOrAdd(key, promise.Task);
        if (running == promise.Task)
        {
            _ = CompleteAsync(key, upstream, promise);
        }
        return running;
    }

    private async Task CompleteAsync(byte[] key, byte[] upstream, TaskCompletionSource<CachedResponse?> promise)
    {
        CachedResponse? response = null;
#pragma warning disable CA1031 // The one ladder of an exchange: who waits gets SERVFAIL, the process lives.
        try
        {
            response = await AskAsync(upstream);
            if (response is { Code: ResponseCode.NoError or ResponseCode.NoSuchName })
            {
                _cache.Store(key, response);
            }
            else
            {
                response = _cache.Find(key, stale: true) ?? response;
            }
        }
        catch (Exception failure)
        {
            ForwardLog.Failed(_log, failure);
        }
#pragma warning restore CA1031
        finally
        {
            _asking.TryRemove(key, out _);
            promise.SetResult(response);
        }
    }

    /// <summary>Asks one server after the other, beginning with another one each time; those that rest come last.</summary>
    private async Task<CachedResponse?> AskAsync(byte[] query)
    {
        using var patience = new CancellationTokenSource(_options.TotalTimeout, _time);
        int turn = Interlocked.Increment(ref _turn) & int.MaxValue;
        CachedResponse? refusal = null;
        foreach (Upstream upstream in Enumerable.Range(0, Upstreams.Count).Select(i => Upstreams[(turn + i) % Upstreams.Count])
            .Where(upstream => !upstream.IsLoop).OrderBy(upstream => upstream.IsResting))
        {
            if (patience.IsCancellationRequested)
            {
                break;
            }
            Interlocked.Increment(ref Counters.Requests);
            byte[]? message = await AskOneAsync(upstream, query, patience.Token);
            CachedResponse? response = message is null ? null : CachedResponse.Read(message, (uint)_options.LongestCached.TotalSeconds, _time.GetTimestamp());
            if (response is { Code: ResponseCode.NoError or ResponseCode.NoSuchName })
            {
                return response;
            }
            refusal = response ?? refusal;
        }
        return refusal;
    }

    private async Task<byte[]?> AskOneAsync(Upstream upstream, byte[] query, CancellationToken patience)
    {
        try
        {
            byte[]? message = await upstream.AskAsync(query, patience);
            if (message is null)
            {
                ForwardLog.NoAnswer(_log, upstream.Address);
            }
            return message;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}

/// <summary>Counts for metrics.</summary>
internal sealed class ForwardCounters
{
    internal long CacheHits;
    internal long CacheMisses;
    internal long Requests;
    internal long Rejected;
}
