using System.Net;
using System.Text;
using Fairlead.Kube.Health;
using Fairlead.Proxy.Health;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Proxy.Health;

public sealed class ProxyHealthTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public void IsHealthy_ChangeWaitsTooLong_TurnsFalseUntilItIsDone()
    {
        var status = new ProxyStatus(_time);
        Assert.False(status.IsHealthy);
        status.Updated();
        status.Pending();
        Assert.True(status.IsHealthy);
        _time.Advance(ProxyStatus.Patience);
        Assert.False(status.IsHealthy);
        status.Updated();
        Assert.True(status.IsHealthy);
    }

    [Fact]
    public void HealthJson_AfterUpdate_HasItsTime()
    {
        var status = new ProxyStatus(_time);
        status.Updated();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(
            """{"lastUpdated":"2026-11-22 12:00:00.0000000 +0000 UTC","currentTime":"2026-11-22 12:00:02.0000000 +0000 UTC","nodeEligible":true}""",
            Encoding.UTF8.GetString(status.HealthJson().Span));
    }

    [Fact]
    public async Task Server_EachPath_Answers()
    {
        var status = new ProxyStatus(_time);
        var address = new IPEndPoint(Loopback.Next(), 10256);
        await using StatusServer server = await ProxyHealthServer.StartAsync(status, [address], NullLoggerFactory.Instance, TestContext.Current.CancellationToken);
        using var http = new HttpClient { BaseAddress = new Uri($"http://{address}") };
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync("/healthz")).StatusCode);
        status.Updated();
        status.NetworkProgramming.Observe(TimeSpan.FromMilliseconds(3));
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/livez")).StatusCode);
        Assert.Equal("nftables", await http.GetStringAsync("/proxyMode"));
        string metrics = await http.GetStringAsync("/metrics");
        Assert.Contains("kubeproxy_network_programming_duration_seconds_bucket{le=\"0.002\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kubeproxy_network_programming_duration_seconds_bucket{le=\"0.004\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/other")).StatusCode);
    }
}
