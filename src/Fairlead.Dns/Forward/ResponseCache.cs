using System.Collections.Concurrent;

namespace Fairlead.Dns.Forward;

/// <summary>Other servers' answers, each until the least of its TTLs is over. Looking up allocates nothing. Thread-safe.</summary>
internal sealed class ResponseCache(ForwardOptions options, TimeProvider time)
{
    private const int Sample = 8;
    private readonly ConcurrentDictionary<byte[], CachedResponse> _entries = new(QuestionKey.Comparer.Instance);

    internal int Count => _entries.Count;

    internal uint AgeOf(CachedResponse response) => (uint)Math.Max(0, time.GetElapsedTime(response.StoredAt).TotalSeconds);

    internal CachedResponse? Find(ReadOnlySpan<byte> key, bool stale)
    {
        if (!_entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out CachedResponse? found))
        {
            return null;
        }
        double over = AgeOf(found) - (double)found.TimeToLive;
        return over < 0 || (stale && over < options.LongestStale.TotalSeconds) ? found : null;
    }

    internal void Store(byte[] key, CachedResponse response)
    {
        if (response.TimeToLive == 0)
        {
            return;
        }
        // The oldest of a few others makes room: near enough to the oldest of all, without keeping an order.
        if (_entries.Count >= options.CacheSize && !_entries.ContainsKey(key) && _entries.Take(Sample).MinBy(entry => entry.Value.StoredAt) is { Key: { } oldest })
        {
            _entries.TryRemove(oldest, out _);
        }
        _entries[key] = response;
    }
}
