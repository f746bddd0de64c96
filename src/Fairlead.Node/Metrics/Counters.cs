using System.Collections.Concurrent;
using Fairlead.Kube.Health;

namespace Fairlead.Node.Metrics;

/// <summary>Counts by one label. Thread-safe.</summary>
internal sealed class Counters
{
    private readonly ConcurrentDictionary<string, Count> _counts = new();

    private sealed class Count
    {
        public long Value;
    }

    public void Add(string label) => Interlocked.Increment(ref _counts.GetOrAdd(label, static _ => new Count()).Value);

    public void Write(PrometheusText text, string name, string label, string help)
    {
        text.Metric(name, "counter", help);
        foreach (var (value, count) in _counts.OrderBy(pair => pair.Key, StringComparer.Ordinal)) text.Sample(name, $"{label}=\"{value}\"", Interlocked.Read(ref count.Value));
    }
}

/// <summary>Durations by one label. Thread-safe.</summary>
internal sealed class Durations
{
    private readonly ConcurrentDictionary<string, LatencyHistogram> _histograms = new();

    public void Observe(string label, TimeSpan took) => _histograms.GetOrAdd(label, static _ => new LatencyHistogram()).Observe(took);

    public void Write(PrometheusText text, string name, string label, string help)
    {
        text.Metric(name, "histogram", help);
        foreach (var (value, histogram) in _histograms.OrderBy(pair => pair.Key, StringComparer.Ordinal)) text.Histogram(name, $"{label}=\"{value}\"", histogram.Snapshot());
    }
}
