namespace Fairlead.Kube.Health;

/// <summary>What was observed so far.</summary>
/// <param name="Bounds">Upper bounds in seconds, ascending.</param>
/// <param name="Counts">Observations up to each bound, cumulative as Prometheus has them.</param>
/// <param name="Count">All observations.</param>
/// <param name="SumSeconds">Their sum.</param>
public sealed record LatencySnapshot(IReadOnlyList<double> Bounds, IReadOnlyList<long> Counts, long Count, double SumSeconds)
{
    /// <param name="bounds">Upper bounds in seconds, ascending.</param>
    /// <param name="buckets">Observations in each bucket alone; one more than bounds, for what is above all of them.</param>
    /// <param name="sumSeconds">Their sum.</param>
    public static LatencySnapshot Of(IReadOnlyList<double> bounds, ReadOnlySpan<long> buckets, double sumSeconds)
    {
        long[] counts = new long[bounds.Count];
        long sum = 0;
        for (int bucket = 0; bucket < counts.Length; bucket++)
        {
            counts[bucket] = sum += buckets[bucket];
        }
        return new LatencySnapshot(bounds, counts, sum + buckets[^1], sumSeconds);
    }
}

/// <summary>Counts durations in buckets. Thread-safe.</summary>
public sealed class LatencyHistogram
{
    // From one millisecond, doubling, to more than half a minute.
    private static readonly double[] s_bounds = [.. Enumerable.Range(0, 16).Select(power => 0.001 * (1 << power))];
    private readonly Lock _lock = new();
    private readonly long[] _counts = new long[s_bounds.Length + 1];
    private double _sum;

    public void Observe(TimeSpan duration)
    {
        double seconds = Math.Max(0, duration.TotalSeconds);
        int bucket = 0;
        while (bucket < s_bounds.Length && seconds > s_bounds[bucket])
        {
            bucket++;
        }
        lock (_lock)
        {
            _counts[bucket]++;
            _sum += seconds;
        }
    }

    public LatencySnapshot Snapshot()
    {
        lock (_lock)
        {
            return LatencySnapshot.Of(s_bounds, _counts, _sum);
        }
    }
}
