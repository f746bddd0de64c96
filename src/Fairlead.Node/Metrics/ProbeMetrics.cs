using System.Collections.Concurrent;
using Fairlead.Kube.Health;
using Fairlead.Node.Probes;

namespace Fairlead.Node.Metrics;

/// <summary>kubelet's /metrics/probes: how often each probe of each container passed and failed, and how long it took. Thread-safe.</summary>
internal sealed class ProbeMetrics
{
    private readonly ConcurrentDictionary<Series, Counts> _series = new();

    private readonly record struct Series(string PodUid, string Namespace, string Pod, string Container, ProbeKind Kind)
    {
        public string Labels => $"container=\"{Container}\",namespace=\"{Namespace}\",pod=\"{Pod}\",probe_type=\"{Kind}\"";
    }

    private sealed class Counts
    {
        public long Passed;
        public long Failed;
        public LatencyHistogram Durations { get; } = new();
    }

    public void Observe(ProbeTarget target, ProbeKind kind, bool passed, TimeSpan took)
    {
        var pod = target.Pod.Metadata;
        var counts = _series.GetOrAdd(new Series(pod.Uid, pod.NamespaceProperty, pod.Name, target.Container.Name, kind), static _ => new Counts());
        if (passed) Interlocked.Increment(ref counts.Passed);
        else Interlocked.Increment(ref counts.Failed);
        counts.Durations.Observe(took);
    }

    /// <summary>The pod is gone from here.</summary>
    public void Forget(string podUid)
    {
        foreach (var series in _series.Keys.Where(series => series.PodUid == podUid)) _series.TryRemove(series, out _);
    }

    public string Write()
    {
        var text = new PrometheusText();
        var all = _series.OrderBy(pair => pair.Key.Labels, StringComparer.Ordinal).ToList();
        text.Metric("prober_probe_total", "counter", "Cumulative number of a liveness, readiness or startup probe for a container by result.");
        foreach (var (series, counts) in all)
        {
            Count("successful", Interlocked.Read(ref counts.Passed));
            Count("failed", Interlocked.Read(ref counts.Failed));

            void Count(string result, long count)
            {
                if (count > 0) text.Sample("prober_probe_total", $"{series.Labels},pod_uid=\"{series.PodUid}\",result=\"{result}\"", count);
            }
        }
        text.Metric("prober_probe_duration_seconds", "histogram", "Duration in seconds for a probe response.");
        foreach (var (series, counts) in all) text.Histogram("prober_probe_duration_seconds", series.Labels, counts.Durations.Snapshot());
        return text.ToString();
    }
}
