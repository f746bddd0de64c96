using System.Collections.Concurrent;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Forward;

/// <summary>
/// Answers other domains' questions by asking other servers, one exchange for all who ask the same at one time, and keeps what they
/// say. Null answers mean that nobody answered: SERVFAIL.
/// </summary>
internal sealed class Forwarder : IDisposable
{
    private readonly ForwardRule _rule;
    private readonly CacheOptions _options;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly ResponseCache _cache;
    private readonly UpstreamRace _race;
    private readonly ConcurrentDictionary<byte[], Task<CachedResponse?>> _asking = new(QuestionKey.Comparer.Instance);

    internal Forwarder(ForwardRule rule, CacheOptions options, ILogger log, TimeProvider time, Func<UpstreamServer, IExchange>? exchanges = null)
    {
        _rule = rule;
        _options = options;
        _log = log;
        _time = time;
        _cache = new ResponseCache(options, time);
        Upstreams = [.. rule.Servers.Concat(rule.ResolverFiles.SelectMany(file => ResolverFile.Read(file))).Select(Open)];
        _race = new UpstreamRace(Upstreams, rule, options, Counters, time);

        Upstream Open(UpstreamServer server) => new(server, exchanges?.Invoke(server) ?? Exchange(server), rule, Counters, log, time);
        IExchange Exchange(UpstreamServer server) =>
            server.IsTls ? new TlsExchange(server, rule.ConnectionIdle, time) : new PlainExchange(server.Address, rule.AlwaysTcp);
    }

    internal IReadOnlyList<Upstream> Upstreams { get; }

    internal ForwardCounters Counters { get; } = new();

    internal int CacheCount => _cache.Count;

    /// <summary>Writes a kept answer. 0: there is none. Hot: allocates nothing, but when the answer is asked for anew before its end.</summary>
    internal int TryWriteCached(in Query query, ReadOnlySpan<byte> message, Span<byte> response)
    {
        Span<byte> space = stackalloc byte[QuestionKey.Longest];
        ReadOnlySpan<byte> key = QuestionKey.Write(query, space);
        if (_cache.Find(key, stale: false) is not { } kept)
        {
            return 0;
        }
        Interlocked.Increment(ref Counters.CacheHits);
        if (_cache.IsDue(kept))
        {
            Interlocked.Increment(ref Counters.Prefetches);
            Ask(key, query, message);
        }
        return kept.WriteTo(query, message, _cache.AgeOf(kept), response);
    }

    internal uint AgeOf(CachedResponse response) => _cache.AgeOf(response);

    /// <summary>The answer, kept or asked for.</summary>
    internal Task<CachedResponse?> ResolveAsync(in Query query, ReadOnlySpan<byte> message)
    {
        Span<byte> space = stackalloc byte[QuestionKey.Longest];
        ReadOnlySpan<byte> key = QuestionKey.Write(query, space);
        CachedResponse? kept = _cache.Find(key, stale: true);
        if (kept is not null && _cache.IsFresh(kept))
        {
            Interlocked.Increment(ref Counters.CacheHits);
            return Task.FromResult<CachedResponse?>(kept);
        }
        Interlocked.Increment(ref Counters.CacheMisses);
        Task<CachedResponse?> asked = Ask(key, query, message);
        return kept is null ? asked : OldUnlessSoonAsync(asked, kept);
    }

    public void Dispose()
    {
        foreach (Upstream upstream in Upstreams)
        {
            upstream.Dispose();
        }
    }

    private async Task<CachedResponse?> OldUnlessSoonAsync(Task<CachedResponse?> asked, CachedResponse old)
    {
        if (_options.Stale == StalePolicy.WhenNobodyAnswers)
        {
            await Task.WhenAny(asked, Task.Delay(_options.StalePatience, _time));
            if (asked.IsCompletedSuccessfully)
            {
                return await asked;
            }
        }
        Interlocked.Increment(ref Counters.Stale);
        return old;
    }

    private Task<CachedResponse?> Ask(ReadOnlySpan<byte> key, in Query query, ReadOnlySpan<byte> message)
    {
        if (_asking.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out Task<CachedResponse?>? running))
        {
            return running;
        }
        if (_asking.Count >= _rule.Concurrency)
        {
            Interlocked.Increment(ref Counters.Rejected);
            return Task.FromResult(_cache.Find(key, stale: true));
        }
        byte[] own = key.ToArray();
        var promise = new TaskCompletionSource<CachedResponse?>(TaskCreationOptions.RunContinuationsAsynchronously);
        running = _asking.GetOrAdd(own, promise.Task);
        if (running == promise.Task)
        {
            _ = CompleteAsync(own, UpstreamQuery.Create(query, message), promise);
        }
        return running;
    }

    private async Task CompleteAsync(byte[] key, byte[] upstream, TaskCompletionSource<CachedResponse?> promise)
    {
        CachedResponse? response = null;
#pragma warning disable CA1031 // The one ladder of an exchange: who waits gets SERVFAIL, the process lives.
        try
        {
            response = await _race.RunAsync(upstream);
            if (response is not null)
            {
                _cache.Store(key, response);
            }
            if (response is not { Code: ResponseCode.NoError or ResponseCode.NoSuchName } && _cache.Find(key, stale: true) is { Code: not ResponseCode.ServerFailure } old)
            {
                Interlocked.Increment(ref Counters.Stale);
                response = old;
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
}

/// <summary>Counts for metrics.</summary>
internal sealed class ForwardCounters
{
    internal long CacheHits;
    internal long CacheMisses;
    internal long Prefetches;
    internal long Stale;
    internal long Requests;
    internal long Rejected;
    internal long FailedProbes;
}
