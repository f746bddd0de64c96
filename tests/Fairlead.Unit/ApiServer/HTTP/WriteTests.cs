using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>What writes leave behind: dry run, generated names, finalizers, grace periods, preconditions, propagation.</summary>
public sealed class WriteTests : ApiTest
{
    private const string Merge = "application/merge-patch+json";

    [Theory]
    [InlineData("POST", "", """{"metadata":{"name":"new"}}""", "application/json")]
    [InlineData("PUT", "/a", """{"metadata":{"name":"a"},"data":{"x":"y"}}""", "application/json")]
    [InlineData("PATCH", "/a", """{"data":{"x":"y"}}""", Merge)]
    [InlineData("DELETE", "/a", null, "application/json")]
    [InlineData("DELETE", "/a", """{"dryRun":["All"]}""", "application/json")]
    public async Task DryRun_AnyWrite_ChangesNothing(string method, string path, string? body, string type)
    {
        await Requests.ConfigMapAsync("a");
        var before = (await Requests.DoAsync("GET", Api.ConfigMaps))["items"]!.ToJsonString();

        await Requests.DoAsync(method, Api.ConfigMaps + path + (body?.Contains("dryRun", StringComparison.Ordinal) == true ? "" : "?dryRun=All"), body, type);

        Assert.Equal(before, (await Requests.DoAsync("GET", Api.ConfigMaps))["items"]!.ToJsonString());
    }

    [Theory]
    [InlineData("POST", "?dryRun=Some", null, "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\"")]
    [InlineData("PUT", "/a?dryRun=Some", null, "UpdateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\"")]
    [InlineData("PUT", "/a?fieldManager=LONG", null, "UpdateOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more than 128 bytes")]
    [InlineData("DELETE", "/a", """{"dryRun":["Some"]}""", "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\"")]
    [InlineData("DELETE", "/a", """{"propagationPolicy":"Sideways"}""", "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"Sideways\": supported values: \"Background\", \"Foreground\", \"Orphan\"")]
    [InlineData("DELETE", "/a", """{"propagationPolicy":"Orphan","orphanDependents":true}""", "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set")]
    public async Task Options_ThatMakeNoSense_AreRefusedAsInvalid(string method, string path, string? body, string message)
    {
        await Requests.ConfigMapAsync("a");

        var (code, status) = await Requests.SendAsync(method, Api.ConfigMaps + path.Replace("LONG", new string('x', 129), StringComparison.Ordinal), body ?? """{"metadata":{"name":"a"}}""");

        Assert.Equal(message, (string)status["message"]!);
        Assert.Equal(422, code);
        await Requests.DoAsync("GET", $"{Api.ConfigMaps}/a");
    }

    [Fact]
    public async Task Create_GenerateName_NamesDifferBehindThePrefix()
    {
        var names = new HashSet<string>();
        for (var i = 0; i < 20; i++)
            names.Add((string)(await Requests.DoAsync("POST", Api.ConfigMaps, """{"metadata":{"generateName":"x-"}}"""))["metadata"]!["name"]!);

        Assert.Equal(20, names.Count);
        Assert.All(names, name => Assert.Matches("^x-[bcdfghjklmnpqrstvwxz2456789]{5}$", name));
    }

    [Fact]
    public async Task Create_ClientSetsSystemFields_TheyAreTheServers()
    {
        var made = await Requests.DoAsync("POST", Api.ConfigMaps,
            """{"metadata":{"name":"a","uid":"mine","creationTimestamp":"2000-01-01T00:00:00Z","deletionTimestamp":"2000-01-01T00:00:00Z","resourceVersion":""}}""");

        Assert.NotEqual("mine", (string)made["metadata"]!["uid"]!);
        Assert.DoesNotContain("2000", made.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_WithFinalizer_StaysMarkedUntilTheLastIsTakenOut()
    {
        await Requests.ConfigMapAsync("a", ""","finalizers":["example.com/wait"]""");

        var marked = await Requests.DoAsync("DELETE", Api.ConfigMaps + "/a");
        await Requests.DoAsync("PATCH", Api.ConfigMaps + "/a", """{"metadata":{"finalizers":null}}""", Merge);

        Assert.NotNull(marked["metadata"]!["deletionTimestamp"]);
        Assert.Equal(404, (await Requests.SendAsync("GET", Api.ConfigMaps + "/a")).Code);
    }

    [Fact]
    public async Task Delete_BoundPod_TakesItsGracePeriodAndOnlyShortensIt()
    {
        await Requests.DoAsync("POST", Api.Pods, Api.BoundPod);

        var marked = await Requests.DoAsync("DELETE", Api.Pods + "/p");
        var longer = await Requests.DoAsync("DELETE", Api.Pods + "/p?gracePeriodSeconds=100");
        var shorter = await Requests.DoAsync("DELETE", Api.Pods + "/p", """{"gracePeriodSeconds":5}""");

        Assert.Equal(20, Grace(marked));
        Assert.Equal(20, Grace(longer));
        Assert.Equal(5, Grace(shorter));
        await Requests.DoAsync("DELETE", Api.Pods + "/p?gracePeriodSeconds=0");
        Assert.Equal(404, (await Requests.SendAsync("GET", Api.Pods + "/p")).Code);
    }

    [Fact]
    public async Task Delete_PodWithoutNode_GoesAtOnce()
    {
        await Requests.DoAsync("POST", Api.Pods, """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}}""");

        await Requests.DoAsync("DELETE", Api.Pods + "/p");

        Assert.Equal(404, (await Requests.SendAsync("GET", Api.Pods + "/p")).Code);
    }

    [Theory]
    [InlineData("""{"preconditions":{"uid":"other"}}""", 409)]
    [InlineData("""{"preconditions":{"resourceVersion":"1"}}""", 409)]
    [InlineData("""{"preconditions":{"uid":"{uid}","resourceVersion":"{version}"}}""", 200)]
    public async Task Delete_Preconditions_AreHeld(string options, int expected)
    {
        var made = await Requests.ConfigMapAsync("a");
        var body = options.Replace("{uid}", (string)made["metadata"]!["uid"]!, StringComparison.Ordinal)
            .Replace("{version}", (string)made["metadata"]!["resourceVersion"]!, StringComparison.Ordinal);

        var (code, _) = await Requests.SendAsync("DELETE", Api.ConfigMaps + "/a", body);

        Assert.Equal(expected, code);
    }

    [Theory]
    [InlineData("Background", null)]
    [InlineData("Orphan", "orphan")]
    [InlineData("Foreground", "foregroundDeletion")]
    public async Task Delete_Propagation_BecomesTheCollectorsFinalizer(string propagation, string? finalizer)
    {
        await Requests.ConfigMapAsync("a");

        await Requests.DoAsync("DELETE", Api.ConfigMaps + "/a", $$"""{"propagationPolicy":"{{propagation}}"}""");

        var (code, left) = await Requests.SendAsync("GET", Api.ConfigMaps + "/a");
        Assert.Equal(finalizer is null ? 404 : 200, code);
        if (finalizer is not null) Assert.Equal([finalizer], left["metadata"]!["finalizers"]!.AsArray().Select(item => (string?)item));
    }

    [Theory]
    [InlineData("{}", "orphan")]
    [InlineData("""{"propagationPolicy":"Background"}""", null)]
    [InlineData("""{"orphanDependents":false}""", null)]
    [InlineData("""{"orphanDependents":true}""", "orphan")]
    public async Task Delete_ReplicationController_KeepsItsPodsUnlessToldOtherwise(string options, string? finalizer)
    {
        const string Controllers = "/api/v1/namespaces/default/replicationcontrollers";
        await Requests.DoAsync("POST", Controllers, """{"metadata":{"name":"r"},"spec":{"replicas":0,"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}""");

        await Requests.DoAsync("DELETE", Controllers + "/r", options);

        var (code, left) = await Requests.SendAsync("GET", Controllers + "/r");
        Assert.Equal(finalizer is null ? 404 : 200, code);
        if (finalizer is not null) Assert.Equal([finalizer], left["metadata"]!["finalizers"]!.AsArray().Select(item => (string?)item));
    }

    [Fact]
    public async Task DeleteCollection_WithSelector_TakesThoseOnly()
    {
        await Requests.ConfigMapAsync("a", ",\"labels\":{\"x\":\"y\"}");
        await Requests.ConfigMapAsync("b");

        await Requests.DoAsync("DELETE", Api.ConfigMaps + "?labelSelector=x%3Dy");

        Assert.Equal(["b"], await Requests.NamesAsync(Api.ConfigMaps));
    }

    [Theory]
    [InlineData("/api/v1/namespaces/kube-node-lease/events", """{"metadata":{"name":"e"},"involvedObject":{"namespace":"kube-node-lease"},"firstTimestamp":"2026-01-02T03:04:05.678901Z","eventTime":"2026-01-02T03:04:05.678901Z","reportingComponent":"c","reportingInstance":"i","action":"a","reason":"r"}""",
        "firstTimestamp", "2026-01-02T03:04:05Z", "eventTime", "2026-01-02T03:04:05.678901Z")]
    [InlineData("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", """{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-02T04:04:05.6+01:00"}}""",
        "spec.renewTime", "2026-01-02T03:04:05.600000Z", "metadata.name", "l")]
    public async Task Create_Times_AreKeptAsKubernetesKeepsThem(string path, string body, string field1, string value1, string field2, string value2)
    {
        var made = await Requests.DoAsync("POST", path, body);

        Assert.Equal(value1, At(made, field1));
        Assert.Equal(value2, At(made, field2));
    }

    [Fact]
    public async Task Create_TimeThatIsNone_IsRefused()
    {
        var (code, status) = await Requests.SendAsync(
            "POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", """{"metadata":{"name":"l"},"spec":{"renewTime":"2026-01-02"}}""");

        Assert.Equal(400, code);
        Assert.Contains("parsing time \"2026-01-02\"", (string)status["message"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"x","labels":{},"finalizers":[],"ownerReferences":[]},"data":{}}""", """{"name":"x"}""")]
    [InlineData("""{"metadata":{"name":"x","generateName":"","labels":{"a":""}}}""", """{"name":"x","labels":{"a":""}}""")]
    public async Task Create_EmptyFields_AreLeftOut(string body, string metadata)
    {
        var made = await Requests.DoAsync("POST", Api.ConfigMaps, body);

        foreach (var system in (string[])["uid", "creationTimestamp", "resourceVersion", "namespace"]) ((JsonObject)made["metadata"]!).Remove(system);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(metadata), made["metadata"]), made.ToJsonString());
        Assert.Null(made["data"]);
    }

    [Fact]
    public async Task Patch_LastOwnerDeletedFromTheList_LeavesNoList()
    {
        await Requests.ConfigMapAsync("a", ""","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u1"}]""");

        var patched = await Requests.DoAsync(
            "PATCH", Api.ConfigMaps + "/a", """{"metadata":{"ownerReferences":[{"$patch":"delete","uid":"u1"}]}}""", "application/strategic-merge-patch+json");

        Assert.Null(patched["metadata"]!["ownerReferences"]);
    }

    [Fact]
    public async Task Create_EmptyObjects_AreKept()
    {
        var made = await Requests.DoAsync("POST", Api.Pods,
            """{"metadata":{"name":"p"},"spec":{"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"c","image":"i","securityContext":{},"livenessProbe":{"periodSeconds":0,"httpGet":{"port":80}}}]}}""");

        Assert.Equal("{}", made["spec"]!["volumes"]![0]!["emptyDir"]!.ToJsonString());
        Assert.Equal("{}", made["spec"]!["containers"]![0]!["securityContext"]!.ToJsonString());
        // Zero is not a period but a period that was not given.
        Assert.Equal(10, (int)made["spec"]!["containers"]![0]!["livenessProbe"]!["periodSeconds"]!);
    }

    private static int Grace(JsonNode pod) => (int)pod["metadata"]!["deletionGracePeriodSeconds"]!;

    private static string? At(JsonNode node, string path) => (string?)path.Split('.').Aggregate((JsonNode?)node, (at, step) => at?[step]);
}
