using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>What differs from kind to kind in how the verbs answer.</summary>
public sealed class KindRuleTests() : ApiTest
{
    private const string Merge = "application/merge-patch+json";
    private const string Default = "/api/v1/namespaces/default/";
    private const string Leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    private const string Events = "/apis/events.k8s.io/v1/namespaces/default/events";

    [Theory]
    [InlineData(Default + "endpoints", "{}", 201)]
    [InlineData(Default + "services", """{"spec":{"ports":[{"port":80}]} }""", 201)]
    [InlineData(Default + "events", """{"involvedObject":{"namespace":"default"} }""", 201)]
    [InlineData(Default + "limitranges", "{}", 201)]
    [InlineData(Leases, "{}", 201)]
    [InlineData("/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", "{}", 201)]
    [InlineData("/apis/rbac.authorization.k8s.io/v1/clusterroles", "{}", 201)]
    [InlineData(Default + "configmaps", "{}", 404)]
    [InlineData(Default + "resourcequotas", "{}", 404)]
    [InlineData("/apis/node.k8s.io/v1/runtimeclasses", """{"handler":"h"}""", 404)]
    public async Task Put_OfWhatIsNotThere_MakesItWhereKubernetesDoes(string path, string more, int code)
    {
        var body = JsonNode.Parse(more)!.AsObject();
        body["metadata"] = new JsonObject { ["name"] = "new" };

        var (given, _) = await Requests.SendAsync("PUT", path + "/new", body.ToJsonString());

        Assert.Equal(code, given);
    }

    [Fact]
    public async Task Put_ByWhoMayOnlyUpdate_MakesNothing()
    {
        const string Rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/";
        await Requests.DoAsync("POST", Rbac + "roles", """{"metadata":{"name":"w"},"rules":[{"apiGroups":["coordination.k8s.io"],"resources":["leases"],"verbs":["update","patch"]}]}""");
        await Requests.DoAsync("POST", Rbac + "rolebindings", """{"metadata":{"name":"w"},"subjects":[{"kind":"User","name":"u","apiGroup":"rbac.authorization.k8s.io"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"w"} }""");

        var (put, answer) = await Requests.SendAsync("PUT", Leases + "/new", """{"metadata":{"name":"new"} }""", asUser: "u");
        var (apply, _) = await Requests.SendAsync("PATCH", Leases + "/new?fieldManager=m", """{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"new"} }""", "application/apply-patch+yaml", "u");

        Assert.Equal((403, 403), (put, apply));
        Assert.Contains("cannot create resource \"leases\"", (string?)answer["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Default + "services", """{"spec":{"ports":[{"port":80}]} }""", "Service")]
    [InlineData(Default + "serviceaccounts", "{}", "ServiceAccount")]
    [InlineData(Default + "resourcequotas", "{}", "ResourceQuota")]
    [InlineData(Default + "pods", """{"spec":{"containers":[{"name":"c","image":"i"}]} }""", "Pod")]
    [InlineData(Default + "configmaps", "{}", "Status")]
    [InlineData(Leases, "{}", "Status")]
    public async Task Delete_AnswersWhatTheReferenceSays(string path, string more, string kind)
    {
        var body = JsonNode.Parse(more)!.AsObject();
        body["metadata"] = new JsonObject { ["name"] = "gone" };
        await Requests.DoAsync("POST", path, body.ToJsonString());

        var answer = await Requests.DoAsync("DELETE", path + "/gone");

        Assert.Equal(kind, (string?)answer["kind"]);
    }

    [Fact]
    public async Task DeleteCollection_AnswersTheListOfWhatItDeleted()
    {
        await Requests.ConfigMapAsync("a", ""","labels":{"x":"y"}""");
        await Requests.ConfigMapAsync("b");

        var answer = await Requests.DoAsync("DELETE", Api.ConfigMaps + "?labelSelector=x%3Dy");

        Assert.Equal("ConfigMapList", (string?)answer["kind"]);
        Assert.Equal(["a"], Api.NamesOf(answer));
        Assert.Equal(["b"], await Requests.NamesAsync(Api.ConfigMaps));
    }

    [Theory]
    [InlineData(Default + "resourcequotas", "{}", true)]
    [InlineData(Default + "services", """{"spec":{"ports":[{"port":80}]} }""", true)]
    [InlineData(Default + "pods", """{"spec":{"containers":[{"name":"c","image":"i"}]} }""", false)]
    [InlineData("/api/v1/nodes", "{}", false)]
    [InlineData("/apis/apps/v1/namespaces/default/deployments", """{"spec":{"selector":{"matchLabels":{"a":"b"} },"template":{"metadata":{"labels":{"a":"b"} },"spec":{"containers":[{"name":"c","image":"i"}]} } } }""", false)]
    public async Task StatusWrite_ChangesLabels_WhereThoseWhoMayAreTrusted(string path, string more, bool changes)
    {
        var body = JsonNode.Parse(more)!.AsObject();
        body["metadata"] = new JsonObject { ["name"] = "n" };
        await Requests.DoAsync("POST", path, body.ToJsonString());

        var answer = await Requests.DoAsync("PATCH", path + "/n/status", """{"metadata":{"labels":{"by":"status"},"annotations":{"by":"status"} } }""", Merge);

        Assert.Equal(changes, answer["metadata"]!["labels"]?["by"] is not null);
        Assert.Equal("status", (string?)answer["metadata"]!["annotations"]?["by"]);
    }

    [Fact]
    public async Task DryRun_OfACreation_HasNoVersion()
    {
        var answer = await Requests.DoAsync("POST", Api.ConfigMaps + "?dryRun=All", """{"metadata":{"name":"d"} }""");

        Assert.Null(answer["metadata"]!["resourceVersion"]);
        Assert.NotNull(answer["metadata"]!["uid"]);
    }

    [Fact]
    public async Task LoadBalancerStatus_HasAnIpMode_AndRealAddresses()
    {
        await Requests.DoAsync("POST", Default + "services", """{"metadata":{"name":"l"},"spec":{"type":"LoadBalancer","ports":[{"port":80}]} }""");

        var answer = await IngressAsync("""{"ip":"203.0.113.1"}""");
        var (notAnAddress, _) = await TryIngressAsync("""{"ip":"here"}""");
        var (notAMode, _) = await TryIngressAsync("""{"ip":"203.0.113.1","ipMode":"Other"}""");
        var (modeOfAName, _) = await TryIngressAsync("""{"hostname":"a.example","ipMode":"VIP"}""");
        var (addressAsName, _) = await TryIngressAsync("""{"hostname":"203.0.113.1"}""");

        Assert.Equal("VIP", (string?)answer["status"]!["loadBalancer"]!["ingress"]![0]!["ipMode"]);
        Assert.Equal((422, 422, 422, 422), (notAnAddress, notAMode, modeOfAName, addressAsName));
    }

    [Fact]
    public async Task NewerEvent_ChangesInItsSeriesAndNoteAlone()
    {
        await Requests.DoAsync("POST", Events, """
            {"metadata":{"name":"e"},"regarding":{"namespace":"default"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"c","reportingInstance":"i","action":"a","reason":"r","type":"Normal","note":"n"}
            """);

        await Requests.DoAsync("PATCH", Events + "/e", """{"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:01.000000Z"} }""", Merge);
        await Requests.DoAsync("PATCH", Events + "/e", """{"note":"m"}""", Merge);
        var (code, answer) = await Requests.SendAsync("PATCH", Events + "/e", """{"reason":"m"}""", Merge);

        Assert.Equal(422, code);
        Assert.Contains("reason: Invalid value: \"m\": field is immutable", (string?)answer["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_ByItsOldPath_IsAWatch()
    {
        await Requests.ConfigMapAsync("a");
        await Requests.ConfigMapAsync("b");

        var all = await Requests.WatchAsync("/api/v1/watch/namespaces/default/configmaps?timeoutSeconds=1", 2);
        var one = await Requests.WatchAsync("/api/v1/watch/namespaces/default/configmaps/b?timeoutSeconds=1", 1);

        Assert.Equal(["a", "b"], all.Select(change => (string)change["object"]!["metadata"]!["name"]!));
        Assert.Equal(["b"], one.Select(change => (string)change["object"]!["metadata"]!["name"]!));
    }

    [Fact]
    public async Task Continue_OfAListThatIsOver_GoesOnInThePresent()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(57));
        await using var server = await TestApiServer.StartAsync(time: time);
        var api = new Api(server.Client);
        foreach (var name in (string[])["a", "b", "c"]) await api.ConfigMapAsync(name);
        var first = await api.DoAsync("GET", Api.ConfigMaps + "?limit=1");
        await api.ConfigMapAsync("d");
        time.Advance(TimeSpan.FromMinutes(6));

        var (code, refusal) = await api.SendAsync("GET", $"{Api.ConfigMaps}?limit=1&continue={first["metadata"]!["continue"]}");
        var second = await api.DoAsync("GET", $"{Api.ConfigMaps}?limit=1&continue={refusal["metadata"]!["continue"]}");
        var last = await api.DoAsync("GET", $"{Api.ConfigMaps}?continue={second["metadata"]!["continue"]}");

        Assert.Equal((410, "Expired"), (code, (string?)refusal["reason"]));
        Assert.Equal(["b"], Api.NamesOf(second));
        Assert.Equal(["c", "d"], Api.NamesOf(last));
    }

    private Task<JsonNode> IngressAsync(string ingress) => Requests.DoAsync("PATCH", Default + "services/l/status", Ingress(ingress), Merge);

    private Task<(int Code, JsonNode Body)> TryIngressAsync(string ingress) => Requests.SendAsync("PATCH", Default + "services/l/status", Ingress(ingress), Merge);

    private static string Ingress(string ingress) => $$$"""{"status":{"loadBalancer":{"ingress":[{{{ingress}}}]} } }""";
}
