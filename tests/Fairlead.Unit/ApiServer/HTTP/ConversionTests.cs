using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Kinds that are served in two groups or versions: one object, seen in the form that each client asks for.</summary>
public sealed class ConversionTests : ApiTest
{
    private const string Old = "/apis/extensions/v1beta1/namespaces/default/ingresses";
    private const string Beta = "/apis/networking.k8s.io/v1beta1/namespaces/default/ingresses";
    private const string Current = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";

    // The mission's own manifest.
    private const string Manifest = """
        {"apiVersion":"extensions/v1beta1","kind":"Ingress","metadata":{"name":"kubia"},"spec":{"rules":[
          {"host":"kubia.example.com","http":{"paths":[{"path":"/","backend":{"serviceName":"kubia-nodeport","servicePort":80}}]}}]}}
        """;

    [Fact]
    public async Task Ingress_OfExtensions_IsOneObjectInAllVersions()
    {
        var created = await Requests.DoAsync("POST", Old, Manifest);
        Assert.Equal("extensions/v1beta1", (string)created["apiVersion"]!);
        Assert.Equal("kubia-nodeport", (string)PathOf(created)["backend"]!["serviceName"]!);

        var now = await Requests.DoAsync("GET", Current + "/kubia");
        Assert.Equal("networking.k8s.io/v1", (string)now["apiVersion"]!);
        Assert.Equal("ImplementationSpecific", (string)PathOf(now)["pathType"]!);
        Assert.Equal("""{"name":"kubia-nodeport","port":{"number":80}}""", PathOf(now)["backend"]!["service"]!.ToJsonString());

        var beta = await Requests.DoAsync("GET", Beta);
        Assert.Equal("networking.k8s.io/v1beta1", (string)beta["apiVersion"]!);
        Assert.Equal(80, (int)PathOf(beta["items"]![0]!)["backend"]!["servicePort"]!);
    }

    [Fact]
    public async Task Ingress_PatchedInItsOldForm_ChangesTheStoredOne()
    {
        await Requests.DoAsync("POST", Old, Manifest);

        await Requests.DoAsync("PATCH", Old + "/kubia", """[{"op":"replace","path":"/spec/rules/0/http/paths/0/backend/servicePort","value":"http"}]""", "application/json-patch+json");

        var now = await Requests.DoAsync("GET", Current + "/kubia");
        Assert.Equal("http", (string)PathOf(now)["backend"]!["service"]!["port"]!["name"]!);
        Assert.Equal(2, (int)now["metadata"]!["generation"]!);
    }

    [Fact]
    public async Task Ingress_WatchedInItsOldForm_ShowsIt()
    {
        await Requests.DoAsync("POST", Old, Manifest);

        var events = await Requests.WatchAsync(Old + "?watch=true", 1);

        Assert.Equal("extensions/v1beta1", (string)events[0]["object"]!["apiVersion"]!);
        Assert.Equal("kubia-nodeport", (string)PathOf(events[0]["object"]!)["backend"]!["serviceName"]!);
    }

    [Fact]
    public async Task Event_OfTheNewerGroup_IsTheCoreEvent()
    {
        await Requests.DoAsync("POST", "/apis/events.k8s.io/v1/namespaces/default/events", """
            {"metadata":{"name":"e"},"eventTime":"2026-01-02T03:04:05.000000Z","reason":"Tested","action":"Test","type":"Normal","note":"said",
             "reportingController":"test","reportingInstance":"t-1","regarding":{"kind":"Pod","namespace":"default","name":"p"}}
            """);

        var core = await Requests.DoAsync("GET", "/api/v1/namespaces/default/events/e");
        Assert.Equal(("said", "p", "test"), ((string)core["message"]!, (string)core["involvedObject"]!["name"]!, (string)core["reportingComponent"]!));
        Assert.Equal(["e"], await Requests.NamesAsync("/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name=p"));
        Assert.Empty(await Requests.NamesAsync("/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name=q"));
        Assert.Equal(["e"], await Requests.NamesAsync("/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=reportingController=test"));
        Assert.Equal(["e"], await Requests.NamesAsync("/api/v1/namespaces/default/events?fieldSelector=source=test"));
    }

    [Fact]
    public async Task Event_BySource_IsFoundByTheComponentThatSaysIt()
    {
        await Requests.DoAsync("POST", "/api/v1/namespaces/default/events", """{"metadata":{"name":"e"},"involvedObject":{"namespace":"default"},"source":{"component":"kubelet","host":"n1"},"reportingComponent":"other"}""");

        Assert.Equal(["e"], await Requests.NamesAsync("/api/v1/namespaces/default/events?fieldSelector=source=kubelet"));
        Assert.Empty(await Requests.NamesAsync("/api/v1/namespaces/default/events?fieldSelector=source=other"));
    }

    [Fact]
    public async Task Review_AsATable_CannotBeHad()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") { Content = new StringContent("""{"spec":{"nonResourceAttributes":{"path":"/","verb":"get"}}}""") };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Accept.ParseAdd("application/json;as=Table;v=v1;g=meta.k8s.io");

        using var response = await Server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(406, (int)response.StatusCode);
    }

    [Fact]
    public async Task Get_AsPartialObjectMetadata_AnswersMetadataAlone()
    {
        await Requests.ConfigMapAsync("a");
        using var request = new HttpRequestMessage(HttpMethod.Get, Api.ConfigMaps);
        request.Headers.Accept.ParseAdd("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");

        using var response = await Server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var list = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;

        Assert.Equal(("PartialObjectMetadataList", "meta.k8s.io/v1"), ((string)list["kind"]!, (string)list["apiVersion"]!));
        Assert.Equal(["apiVersion", "kind", "metadata"], list["items"]![0]!.AsObject().Select(pair => pair.Key).Order());
    }

    [Theory]
    [InlineData("""{"rules":[{"host":"10.0.0.1","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}""", "must be a DNS name, not an IP address")]
    [InlineData("""{"rules":[{"http":{"paths":[{"path":"x","pathType":"Exact","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}""", "must be an absolute path")]
    [InlineData("""{"rules":[{"http":{"paths":[{"path":"/a//b","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}""", "must not contain '//'")]
    [InlineData("""{"rules":[{"http":{"paths":[{"path":"/","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}""", "pathType must be specified")]
    [InlineData("""{"rules":[{"http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s"}}}]}}]}""", "port name or number is required")]
    [InlineData("""{}""", "either `defaultBackend` or `rules` must be specified")]
    public async Task Ingress_Wrong_IsRefusedInKubernetesWords(string spec, string says)
    {
        var (code, status) = await Requests.SendAsync("POST", Current, $$"""{"metadata":{"name":"x"},"spec":{{spec}}}""");

        Assert.Equal(422, code);
        Assert.Contains(says, (string)status["message"]!, StringComparison.Ordinal);
    }

    private static JsonNode PathOf(JsonNode ingress) => ingress["spec"]!["rules"]![0]!["http"]!["paths"]![0]!;
}
