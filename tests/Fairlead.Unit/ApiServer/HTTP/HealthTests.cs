using Fairlead.ApiServer;
using Fairlead.ApiServer.Storage;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Kubernetes documentation: "Kubernetes API health endpoints".</summary>
public sealed class HealthTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/healthz", 200, "ok")]
    [InlineData("/livez", 200, "ok")]
    [InlineData("/readyz", 200, "ok")]
    [InlineData("/readyz/etcd", 200, "ok")]
    [InlineData("/livez/ping", 200, "ok")]
    [InlineData("/readyz/ping?verbose", 200, "[+]ping ok\nping check passed\n")]
    [InlineData("/livez/informer-sync", 404, null)]
    [InlineData("/readyz/nothing", 404, null)]
    [InlineData("/readyz?exclude=etcd&exclude=other", 200, "ok")]
    public async Task Check_Answers(string path, int code, string? text)
    {
        await using var server = await TestApiServer.StartAsync();

        using var answer = await server.Client.Http.GetAsync(path, Cancel);

        Assert.Equal(code, (int)answer.StatusCode);
        if (text is not null) Assert.Equal(text, await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task Verbose_NamesEachCheckAndWhatWasLeftOut()
    {
        await using var server = await TestApiServer.StartAsync();

        var text = await server.Client.Http.GetStringAsync("/readyz?verbose&exclude=etcd&exclude=other", Cancel);

        Assert.StartsWith("[+]ping ok\n[+]etcd excluded: ok\n", text, StringComparison.Ordinal);
        Assert.Contains("[+]poststarthook/rbac/bootstrap-roles ok\n", text, StringComparison.Ordinal);
        Assert.EndsWith("warn: some health checks cannot be excluded: no matches for \"other\"\nreadyz check passed\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StoreFails_ChecksAndComponentsSaySo_UntilItWritesAgain()
    {
        var store = new BreakableStore();
        await using var server = await TestApiServer.StartAsync(store, configure: options => options with { Components = [new Component("scheduler", () => null)] });
        var api = new Api(server.Client);
        store.IsBroken = true;
        Assert.Equal(500, (await api.SendAsync("POST", Api.ConfigMaps, """{"metadata":{"name":"a"} }""")).Code);

        using var broken = await server.Client.Http.GetAsync("/readyz", Cancel);
        var components = await api.DoAsync("GET", "/api/v1/componentstatuses");
        store.IsBroken = false;
        await api.ConfigMapAsync("b");

        Assert.Equal(500, (int)broken.StatusCode);
        var text = await broken.Content.ReadAsStringAsync(Cancel);
        Assert.Contains("[-]etcd failed: reason withheld\n", text, StringComparison.Ordinal);
        Assert.EndsWith("readyz check failed\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("disk", text, StringComparison.Ordinal);
        Assert.Equal(["scheduler", "etcd-0"], Api.NamesOf(components));
        Assert.Equal("""[{"error":"the disk is full","status":"False","type":"Healthy"}]""", Sorted(components["items"]![1]!["conditions"]!));
        Assert.Equal("""[{"message":"ok","status":"True","type":"Healthy"}]""", Sorted((await api.DoAsync("GET", "/api/v1/componentstatuses/etcd-0"))["conditions"]!));
        Assert.Equal("ok", await server.Client.Http.GetStringAsync("/readyz", Cancel));
    }

    [Fact]
    public async Task ComponentStatuses_AsATable_AreWhatKubectlPrints_AndAreReadOnly()
    {
        await using var server = await TestApiServer.StartAsync(configure: options => options with { Components = [new Component("scheduler", () => "not yet")] });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/componentstatuses");
        request.Headers.Add("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");

        using var answer = await server.Client.Http.SendAsync(request, Cancel);
        var table = System.Text.Json.Nodes.JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;

        Assert.Equal("[\"scheduler\",\"Unhealthy\",\"\",\"not yet\"]", table["rows"]![0]!["cells"]!.ToJsonString());
        Assert.Equal("[\"etcd-0\",\"Healthy\",\"ok\",\"\"]", table["rows"]![1]!["cells"]!.ToJsonString());
        Assert.Contains("v1 ComponentStatus is deprecated in v1.19+", answer.Headers.GetValues("Warning").Single(), StringComparison.Ordinal);
        var api = new Api(server.Client);
        Assert.Equal(405, (await api.SendAsync("POST", "/api/v1/componentstatuses", """{"metadata":{"name":"a"} }""")).Code);
        Assert.Equal(404, (await api.SendAsync("GET", "/api/v1/componentstatuses/none")).Code);
    }

    private static string Sorted(System.Text.Json.Nodes.JsonNode conditions) =>
        $"[{string.Join(',', conditions.AsArray().Select(one => new System.Text.Json.Nodes.JsonObject(one!.AsObject().OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone()))).ToJsonString()))}]";

    private sealed class BreakableStore : SingleWriterStore
    {
        public bool IsBroken { get; set; }

        protected override Task<long> LoadAsync(Action<StoreEntry> loaded, CancellationToken cancel) => Task.FromResult(1L);

        protected override void Persist(IReadOnlyList<StoreEntry> group)
        {
            if (IsBroken) throw new StoreException("the disk is full");
        }
    }
}
