using System.Collections.Concurrent;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Forward;

/// <summary>Other servers' answers, each until the least of its TTLs is over. Looking up allocates nothing. Thread-safe.</summary>
internal sealed class ResponseCache(CacheOptions options, TimeProvider time)
{
    private const int Sample = 8;
    private readonly ConcurrentDictionary<byte[], CachedResponse> _entries = new(QuestionKey.Comparer.Instance);
    private readonly byte[][] _never = Names(options.Never);
    private readonly byte[][] _neverNegative = Names(options.NeverNegative);

    /// <summary>Counted here, because the dictionary's own count takes all its locks.</summary>
    private int _count;

    internal int Count => Volatile.Read(ref _count);

    internal uint AgeOf(CachedResponse response) => (uint)Math.Max(0, time.GetElapsedTime(response.StoredAt).TotalSeconds);

    internal bool IsFresh(CachedResponse response) => AgeOf(response) < response.TimeToLive;

    /// <summary>Whether one who was given this should ask for it anew: it is wanted often, and its end is near.</summary>
    internal bool IsDue(CachedResponse response) =>
        options.PrefetchHits > 0 && response.CountHit() >= options.PrefetchHits
        && (response.TimeToLive - AgeOf(response)) * 100 <= response.TimeToLive * options.PrefetchPercentage && response.TryClaim();

    internal CachedResponse? Find(ReadOnlySpan<byte> key, bool stale)
    {
        if (!_entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out CachedResponse? found))
        {
            return null;
        }
        double over = AgeOf(found) - (double)found.TimeToLive;
        bool isOldEnough = stale && options.Stale != StalePolicy.Never && found.Code != ResponseCode.ServerFailure && over < options.LongestStale.TotalSeconds;
        return over < 0 || isOldEnough ? found : null;
    }

    internal void Store(byte[] key, CachedResponse response)
    {
        if (response.TimeToLive == 0 || IsBelow(key, _never) || (response.IsNegative && IsBelow(key, _neverNegative)))
        {
            return;
        }
        if (_entries.TryGetValue(key, out CachedResponse? before))
        {
            // A failure does not take the place of an answer that may still be given.
            if (response.Code != ResponseCode.ServerFailure || before.Code == ResponseCode.ServerFailure)
            {
                _entries[key] = response;
            }
            return;
        }
        // The oldest of a few others makes room: near enough to the oldest of all, without keeping an order.
        if (Count >= options.Capacity && _entries.Take(Sample).MinBy(entry => entry.Value.StoredAt) is { Key: { } oldest } && _entries.TryRemove(oldest, out _))
        {
            Interlocked.Decrement(ref _count);
        }
        if (_entries.TryAdd(key, response))
        {
            Interlocked.Increment(ref _count);
        }
    }

    private static byte[][] Names(IReadOnlyList<string> domains) => [.. domains.Select(DnsName.Parse).OfType<byte[]>()];

    /// <summary>A key begins with the name, whose end is not marked but by the root's zero: labels are walked.</summary>
    private static bool IsBelow(ReadOnlySpan<byte> key, byte[][] domains)
    {
        for (int at = 0; domains.Length > 0; at += 1 + key[at])
        {
            ReadOnlySpan<byte> rest = key[at..^QuestionKey.Trailer];
            foreach (byte[] domain in domains)
            {
                if (rest.SequenceEqual(domain))
                {
                    return true;
                }
            }
            if (key[at] == 0)
            {
                return false;
            }
        }
        return false;
    }
}
