using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>What writes leave behind: dry run, generated names, finalizers, grace periods, preconditions, propagation.</summary>
public sealed class WriteTests : IAsyncLifetime
{
    private const string Merge = "application/merge-patch+json";

    private TestApiServer _server = null!;
    private Api _api = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestApiServer.StartAsync();
        _api = new Api(_server.Client);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("POST", "", """{"metadata":{"name":"new"}}""", "application/json")]
    [InlineData("PUT", "/a", """{"metadata":{"name":"a"},"data":{"x":"y"}}""", "application/json")]
    [InlineData("PATCH", "/a", """{"data":{"x":"y"}}""", Merge)]
    [InlineData("DELETE", "/a", null, "application/json")]
    [InlineData("DELETE", "/a", """{"dryRun":["All"]}""", "application/json")]
    public async Task DryRun_AnyWrite_ChangesNothing(string method, string path, string? body, string type)
    {
        await _api.ConfigMapAsync("a");
        var before = (await _api.DoAsync("GET", Api.ConfigMaps)).ToJsonString();

        await _api.DoAsync(method, Api.ConfigMaps + path + (body?.Contains("dryRun", StringComparison.Ordinal) == true ? "" : "?dryRun=All"), body, type);

        Assert.Equal(before, (await _api.DoAsync("GET", Api.ConfigMaps)).ToJsonString());
    }

    [Fact]
    public async Task DryRun_OtherThanAll_IsRefused()
    {
        var (code, status) = await _api.SendAsync("POST", Api.ConfigMaps + "?dryRun=Some", """{"metadata":{"name":"new"}}""");

        Assert.Equal(400, code);
        Assert.Contains("dryRun", (string)status["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_GenerateName_NamesDifferBehindThePrefix()
    {
        var names = new HashSet<string>();
        for (var i = 0; i < 20; i++)
            names.Add((string)(await _api.DoAsync("POST", Api.ConfigMaps, """{"metadata":{"generateName":"x-"}}"""))["metadata"]!["name"]!);

        Assert.Equal(20, names.Count);
        Assert.All(names, name => Assert.Matches("^x-[bcdfghjklmnpqrstvwxz2456789]{5}$", name));
    }

    [Fact]
    public async Task Create_ClientSetsSystemFields_TheyAreTheServers()
    {
        var made = await _api.DoAsync("POST", Api.ConfigMaps,
            """{"metadata":{"name":"a","uid":"mine","creationTimestamp":"2000-01-01T00:00:00Z","deletionTimestamp":"2000-01-01T00:00:00Z","resourceVersion":""}}""");

        Assert.NotEqual("mine", (string)made["metadata"]!["uid"]!);
        Assert.DoesNotContain("2000", made.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_WithFinalizer_StaysMarkedUntilTheLastIsTakenOut()
    {
        await _api.ConfigMapAsync("a", ""","finalizers":["example.com/wait"]""");

        var marked = await _api.DoAsync("DELETE", Api.ConfigMaps + "/a");
        await _api.DoAsync("PATCH", Api.ConfigMaps + "/a", """{"metadata":{"finalizers":null}}""", Merge);

        Assert.NotNull(marked["metadata"]!["deletionTimestamp"]);
        Assert.Equal(404, (await _api.SendAsync("GET", Api.ConfigMaps + "/a")).Code);
    }

    [Fact]
    public async Task Delete_BoundPod_TakesItsGracePeriodAndOnlyShortensIt()
    {
        await _api.DoAsync("POST", Api.Pods, Api.BoundPod);

        var marked = await _api.DoAsync("DELETE", Api.Pods + "/p");
        var longer = await _api.DoAsync("DELETE", Api.Pods + "/p?gracePeriodSeconds=100");
        var shorter = await _api.DoAsync("DELETE", Api.Pods + "/p", """{"gracePeriodSeconds":5}""");

        Assert.Equal(20, Grace(marked));
        Assert.Equal(20, Grace(longer));
        Assert.Equal(5, Grace(shorter));
        await _api.DoAsync("DELETE", Api.Pods + "/p?gracePeriodSeconds=0");
        Assert.Equal(404, (await _api.SendAsync("GET", Api.Pods + "/p")).Code);
    }

    [Fact]
    public async Task Delete_PodWithoutNode_GoesAtOnce()
    {
        await _api.DoAsync("POST", Api.Pods, """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}}""");

        await _api.DoAsync("DELETE", Api.Pods + "/p");

        Assert.Equal(404, (await _api.SendAsync("GET", Api.Pods + "/p")).Code);
    }

    [Theory]
    [InlineData("""{"preconditions":{"uid":"other"}}""", 409)]
    [InlineData("""{"preconditions":{"resourceVersion":"1"}}""", 409)]
    [InlineData("""{"preconditions":{"uid":"{uid}","resourceVersion":"{version}"}}""", 200)]
    public async Task Delete_Preconditions_AreHeld(string options, int expected)
    {
        var made = await _api.ConfigMapAsync("a");
        var body = options.Replace("{uid}", (string)made["metadata"]!["uid"]!, StringComparison.Ordinal)
            .Replace("{version}", (string)made["metadata"]!["resourceVersion"]!, StringComparison.Ordinal);

        var (code, _) = await _api.SendAsync("DELETE", Api.ConfigMaps + "/a", body);

        Assert.Equal(expected, code);
    }

    [Theory]
    [InlineData("Background", null)]
    [InlineData("Orphan", "orphan")]
    [InlineData("Foreground", "foregroundDeletion")]
    public async Task Delete_Propagation_BecomesTheCollectorsFinalizer(string propagation, string? finalizer)
    {
        await _api.ConfigMapAsync("a");

        await _api.DoAsync("DELETE", Api.ConfigMaps + "/a", $$"""{"propagationPolicy":"{{propagation}}"}""");

        var (code, left) = await _api.SendAsync("GET", Api.ConfigMaps + "/a");
        Assert.Equal(finalizer is null ? 404 : 200, code);
        if (finalizer is not null) Assert.Equal([finalizer], left["metadata"]!["finalizers"]!.AsArray().Select(item => (string?)item));
    }

    [Fact]
    public async Task Delete_UnknownPropagation_IsRefused() =>
        Assert.Equal(400, (await _api.SendAsync("DELETE", Api.ConfigMaps + "/a", """{"propagationPolicy":"Sideways"}""")).Code);

    [Fact]
    public async Task DeleteCollection_WithSelector_TakesThoseOnly()
    {
        await _api.ConfigMapAsync("a", ",\"labels\":{\"x\":\"y\"}");
        await _api.ConfigMapAsync("b");

        await _api.DoAsync("DELETE", Api.ConfigMaps + "?labelSelector=x%3Dy");

        Assert.Equal(["b"], await _api.NamesAsync(Api.ConfigMaps));
    }

    [Theory]
    [InlineData("/api/v1/namespaces/kube-node-lease/events", """{"metadata":{"name":"e"},"involvedObject":{"namespace":"kube-node-lease"},"firstTimestamp":"2026-01-02T03:04:05.678901Z","eventTime":"2026-01-02T03:04:05.678901Z"}""",
        "firstTimestamp", "2026-01-02T03:04:05Z", "eventTime", "2026-01-02T03:04:05.678901Z")]
    [InlineData("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", """{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-02T04:04:05.6+01:00"}}""",
        "spec.renewTime", "2026-01-02T03:04:05.600000Z", "metadata.name", "l")]
    public async Task Create_Times_AreKeptAsKubernetesKeepsThem(string path, string body, string field1, string value1, string field2, string value2)
    {
        var made = await _api.DoAsync("POST", path, body);

        Assert.Equal(value1, At(made, field1));
        Assert.Equal(value2, At(made, field2));
    }

    [Fact]
    public async Task Create_TimeThatIsNone_IsRefused()
    {
        var (code, status) = await _api.SendAsync(
            "POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", """{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-02"}}""");

        Assert.Equal(400, code);
        Assert.Contains("parsing time \"2026-01-02\"", (string)status["message"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"x","labels":{},"finalizers":[],"ownerReferences":[]},"data":{}}""", """{"name":"x"}""")]
    [InlineData("""{"metadata":{"name":"x","generateName":"","labels":{"a":""}}}""", """{"name":"x","labels":{"a":""}}""")]
    public async Task Create_EmptyFields_AreLeftOut(string body, string metadata)
    {
        var made = await _api.DoAsync("POST", Api.ConfigMaps, body);

        foreach (var system in (string[])["uid", "creationTimestamp", "resourceVersion", "namespace"]) ((JsonObject)made["metadata"]!).Remove(system);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(metadata), made["metadata"]), made.ToJsonString());
        Assert.Null(made["data"]);
    }

    [Fact]
    public async Task Patch_LastOwnerDeletedFromTheList_LeavesNoList()
    {
        await _api.ConfigMapAsync("a", ""","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u1"}]""");

        var patched = await _api.DoAsync(
            "PATCH", Api.ConfigMaps + "/a", """{"metadata":{"ownerReferences":[{"$patch":"delete","uid":"u1"}]}}""", "application/strategic-merge-patch+json");

        Assert.Null(patched["metadata"]!["ownerReferences"]);
    }

    [Fact]
    public async Task Create_EmptyObjects_AreKept()
    {
        var made = await _api.DoAsync("POST", Api.Pods,
            """{"metadata":{"name":"p"},"spec":{"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"c","image":"i","securityContext":{},"livenessProbe":{"periodSeconds":0,"httpGet":{"port":80}}}]}}""");

        Assert.Equal("{}", made["spec"]!["volumes"]![0]!["emptyDir"]!.ToJsonString());
        Assert.Equal("{}", made["spec"]!["containers"]![0]!["securityContext"]!.ToJsonString());
        // Zero is not a period but a period that was not given.
        Assert.Equal(10, (int)made["spec"]!["containers"]![0]!["livenessProbe"]!["periodSeconds"]!);
    }

    private static int Grace(JsonNode pod) => (int)pod["metadata"]!["deletionGracePeriodSeconds"]!;

    private static string? At(JsonNode node, string path) => (string?)path.Split('.').Aggregate((JsonNode?)node, (at, step) => at?[step]);
}
