using Fairlead.Kube.Health;
using Xunit;

namespace Fairlead.Unit.Kube.Health;

public sealed class PrometheusTextTests
{
    [Fact]
    public void Histogram_ObservedTwice_IsCumulative()
    {
        var latencies = new LatencyHistogram();
        latencies.Observe(TimeSpan.FromMilliseconds(1.5));
        latencies.Observe(TimeSpan.FromMinutes(10));
        var text = new PrometheusText();
        text.Metric("wait_seconds", "histogram", "How long.");
        text.Histogram("wait_seconds", "verb=\"GET\"", latencies.Snapshot());

        var lines = text.ToString().Split('\n');

        Assert.Equal(["# HELP wait_seconds How long.", "# TYPE wait_seconds histogram", "wait_seconds_bucket{verb=\"GET\",le=\"0.001\"} 0", "wait_seconds_bucket{verb=\"GET\",le=\"0.002\"} 1"], lines[..4]);
        Assert.Equal(["wait_seconds_bucket{verb=\"GET\",le=\"+Inf\"} 2", "wait_seconds_sum{verb=\"GET\"} 600.0015", "wait_seconds_count{verb=\"GET\"} 2", ""], lines[^4..]);
    }

    [Fact]
    public void Label_WithQuotesAndLineBreak_IsEscaped() => Assert.Equal("a\\\"b\\\\c\\nd", PrometheusText.Label("a\"b\\c\nd"));
}
