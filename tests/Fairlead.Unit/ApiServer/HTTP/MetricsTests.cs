using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

public sealed class MetricsTests : IAsyncLifetime
{
    private TestApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Requests_AreCountedByVerbResourceAndCode()
    {
        var api = new Api(_server.Client);
        await api.ConfigMapAsync("a");
        await api.SendAsync("GET", Api.ConfigMaps + "/missing");

        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        using var answer = await _server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        const string ConfigMaps = "group=\"\",resource=\"configmaps\"";
        Assert.Contains($"apiserver_request_total{{code=\"201\",component=\"apiserver\",dry_run=\"\",{ConfigMaps},scope=\"namespace\",subresource=\"\",verb=\"POST\",version=\"v1\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains($"apiserver_request_total{{code=\"404\",component=\"apiserver\",dry_run=\"\",{ConfigMaps},scope=\"resource\",subresource=\"\",verb=\"GET\",version=\"v1\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("apiserver_storage_objects{resource=\"configmaps\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1\n", text, StringComparison.Ordinal);
    }
}
