using Fairlead.ApiServer.Security;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP.Limits;

/// <summary>Too many requests, too large ones, and clients that send or read too slowly.</summary>
public sealed class SlowClientTests
{
    private const string Unfinished = "POST " + Api.ConfigMaps + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));

    [Fact]
    public async Task Body_ThatDoesNotCome_IsAnswered504()
    {
        await using var server = await TestApiServer.StartAsync(time: _time);
        await using var slow = await RawClient.ConnectAsync(server, "slow", RawClient.Masters);
        await slow.SendAsync(Unfinished, Cancel);
        await UntilAsync(server, "apiserver_current_inflight_requests{request_kind=\"mutating\"} 1");

        _time.Advance(TimeSpan.FromMinutes(1));

        var answer = await slow.ReadAsync(200, Cancel);
        Assert.StartsWith("HTTP/1.1 504 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"reason\":\"Timeout\"", answer + await slow.ReadAsync(200, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_MoreThanTheirUserMayHaveOpen_AreAnswered429_AndOthersGoOn()
    {
        await using var server = await TestApiServer.StartAsync(configure: options => options with { MaxMutatingRequestsInFlight = 5 });
        var admin = new Api(server.Client);
        foreach (var user in (string[])["noisy", "quiet"])
        {
            await admin.DoAsync("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
                $$"""{"metadata":{"name":"{{user}}"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"edit"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"{{user}}"}]}""");
        }
        var open = new List<RawClient>();
        try
        {
            // Four of the five seats, and a full queue.
            for (var i = 0; i < 104; i++)
            {
                open.Add(await RawClient.ConnectAsync(server, "noisy"));
                await open[^1].SendAsync(Unfinished, Cancel);
            }
            await UntilAsync(server, "apiserver_current_inqueue_requests{request_kind=\"mutating\"} 100");

            using var noisy = TestApiServer.ClientFor(server.Authority, server.Address, "noisy");
            using var request = new HttpRequestMessage(HttpMethod.Post, Api.ConfigMaps) { Content = new StringContent("{}") };
            using var refused = await noisy.Http.SendAsync(request, Cancel);
            using var quiet = TestApiServer.ClientFor(server.Authority, server.Address, "quiet");
            var (code, _) = await new Api(quiet).SendAsync("POST", Api.ConfigMaps, """{"metadata":{"name":"quiet"} }""");

            Assert.Equal((429, "1"), ((int)refused.StatusCode, refused.Headers.RetryAfter!.ToString()));
            Assert.Contains("\"reason\":\"TooManyRequests\"", await refused.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
            Assert.Equal(201, code);
            await admin.ConfigMapAsync("of-a-master");
            Assert.Equal(200, (await new Api(noisy).SendAsync("GET", Api.ConfigMaps)).Code);
        }
        finally
        {
            foreach (var client in open) await client.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(3 * 1024 * 1024 - 100, 422)]
    [InlineData(3 * 1024 * 1024 + 1, 413)]
    public async Task Body_LargerThanAllowed_IsRefused(int length, int expected)
    {
        await using var server = await TestApiServer.StartAsync();
        var head = """{"metadata":{"name":"a"},"data":{"a":" """;
        var body = head + new string('x', length - head.Length - 3) + "\"}}";

        var (code, status) = await new Api(server.Client).SendAsync("POST", Api.ConfigMaps, body);

        Assert.Equal(expected, code);
        if (code == 413) Assert.Equal(("RequestEntityTooLarge", "Request entity too large: limit is 3145728"), ((string)status["reason"]!, (string)status["message"]!));
    }

    [Fact]
    public async Task Watcher_ThatDoesNotRead_IsCutOff_AndAnotherSeesAll()
    {
        await using var server = await TestApiServer.StartAsync(time: _time);
        var api = new Api(server.Client);
        await api.ConfigMapAsync("first");
        await using var stuck = await RawClient.ConnectAsync(server, "stuck", RawClient.Masters);
        await stuck.SendAsync($"GET {Api.ConfigMaps}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n", Cancel);
        var other = api.WatchAsync(Api.ConfigMaps + "?watch=true", 31);
        await UntilAsync(server, "apiserver_longrunning_requests{component=\"apiserver\",group=\"\",resource=\"configmaps\",scope=\"namespace\",subresource=\"\",verb=\"WATCH\",version=\"v1\"} 2");
        // More than the buffers on the way hold.
        var large = new string('x', 900_000);
        for (var i = 0; i < 30; i++) await api.DoAsync("POST", Api.ConfigMaps, $$$"""{"metadata":{"name":"c{{{i}}}"},"data":{"a":"{{{large}}}"} }""");

        Assert.Equal(31, (await other).Count);
        await UntilAsync(server, "apiserver_terminated_watchers_total{group=\"\",resource=\"configmaps\"} 1", TimeSpan.FromSeconds(31));
    }

    [Theory]
    [InlineData(-1, 200, "--max-requests-inflight -1")]
    [InlineData(400, -5, "--max-mutating-requests-inflight -5")]
    public async Task Options_ThatAreNoNumbers_AreRefused(int reading, int changing, string message)
    {
        var refused = await Assert.ThrowsAsync<Fairlead.ApiServer.ApiServerOptionsException>(
            () => TestApiServer.StartAsync(configure: options => options with { MaxRequestsInFlight = reading, MaxMutatingRequestsInFlight = changing }));

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    /// <param name="step">How far the server's clock goes on each time that the line is not there yet.</param>
    private async Task UntilAsync(TestApiServer server, string line, TimeSpan? step = null)
    {
        while (!(await server.Client.Http.GetStringAsync("/metrics", Cancel)).Contains(line + "\n", StringComparison.Ordinal))
        {
            if (step is { } further) _time.Advance(further);
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
        }
    }
}
