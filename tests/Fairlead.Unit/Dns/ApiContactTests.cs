using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Health;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Dns;

public sealed class ApiContactTests
{
    [Fact]
    public async Task RunAsync_ServerAwayLongerThanPatience_IsWhyItIsNotReady()
    {
        var time = new FakeTimeProvider();
        var status = new DnsStatus();
        var server = new Switch();
        using var http = new HttpClient(server) { BaseAddress = new Uri("http://api.example/") };
        using var client = new KubeClient(http, "test");
        using var stop = new CancellationTokenSource();
        Assert.StartsWith("kubernetes: not every object", status.NotReady, StringComparison.Ordinal);
        status.SetReady();
        Task running = new ApiContact(client, status, () => TimeSpan.FromSeconds(60), NullLogger.Instance, time).RunAsync(stop.Token);

        await PassAsync(time, TimeSpan.FromMinutes(5));
        Assert.Null(status.NotReady);
        server.IsAway = true;
        await PassAsync(time, TimeSpan.FromSeconds(55));
        Assert.Null(status.NotReady);
        await PassAsync(time, TimeSpan.FromSeconds(10));
        Assert.Matches("^kubernetes: the API server has been away for 6\\d s \\(nobody there\\); names are answered as it last had them$", status.NotReady);
        server.IsAway = false;
        await PassAsync(time, TimeSpan.FromSeconds(5));
        Assert.Null(status.NotReady);

        await stop.CancelAsync();
        await running;
    }

    private static async Task PassAsync(FakeTimeProvider time, TimeSpan span)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < span; passed += TimeSpan.FromSeconds(5))
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }
    }

    private sealed class Switch : HttpMessageHandler
    {
        internal bool IsAway { get; set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            IsAway ? throw new HttpRequestException("nobody there") : Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
    }
}
