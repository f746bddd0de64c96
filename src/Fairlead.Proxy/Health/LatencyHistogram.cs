namespace Fairlead.Proxy.Health;

/// <summary>What was observed so far.</summary>
/// <param name="Bounds">Upper bounds in seconds, ascending.</param>
/// <param name="Counts">Observations up to each bound, cumulative as Prometheus has them.</param>
/// <param name="Count">All observations.</param>
/// <param name="SumSeconds">Their sum.</param>
public sealed record LatencySnapshot(IReadOnlyList<double> Bounds, IReadOnlyList<long> Counts, long Count, double SumSeconds);

/// <summary>Counts durations in buckets. Thread-safe.</summary>
public sealed class LatencyHistogram
{
    // From one millisecond, doubling, to more than half a minute.
    private static readonly double[] s_bounds = [.. Enumerable.Range(0, 16).Select(power => 0.001 * (1 << power))];
    private readonly Lock _lock = new();
    private readonly long[] _counts = new long[s_bounds.Length];
    private long _count;
    private double _sum;

    internal void Observe(TimeSpan duration)
    {
        double seconds = Math.Max(0, duration.TotalSeconds);
        lock (_lock)
        {
            for (int index = 0; index < s_bounds.Length; index++)
            {
                _counts[index] += seconds <= s_bounds[index] ? 1 : 0;
            }
            _count++;
            _sum += seconds;
        }
    }

    public LatencySnapshot Snapshot()
    {
        lock (_lock)
        {
            return new LatencySnapshot(s_bounds, [.. _counts], _count, _sum);
        }
    }
}
