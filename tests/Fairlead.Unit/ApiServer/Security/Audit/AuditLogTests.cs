using System.Text.Json.Nodes;
using Fairlead.ApiServer.Security.Audit;
using Fairlead.Unit.ApiServer.HTTP;
using Xunit;

namespace Fairlead.Unit.ApiServer.Security.Audit;

/// <summary>What stands in the log after requests were served (Kubernetes reference: "kube-apiserver Audit Configuration (v1)", Event).</summary>
public sealed class AuditLogTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Create_AtRequestResponse_HasBothBodies_AndWhoAskedWhat()
    {
        var (events, answer) = await RunAsync("- level: RequestResponse", api => api.ConfigMapAsync("a"));

        var received = Assert.Single(events, one => StageOf(one) == "RequestReceived" && VerbOf(one) == "create");
        var complete = Assert.Single(events, one => StageOf(one) == "ResponseComplete" && VerbOf(one) == "create");
        Assert.Equal((string)received["auditID"]!, (string)complete["auditID"]!);
        Assert.Equal(("audit.k8s.io/v1", "Event", "RequestResponse"), ((string)complete["apiVersion"]!, (string)complete["kind"]!, (string)complete["level"]!));
        Assert.Equal(Api.ConfigMaps, (string)complete["requestURI"]!);
        Assert.Equal(("admin", "system:masters"), ((string)complete["user"]!["username"]!, (string)complete["user"]!["groups"]![0]!));
        Assert.Equal("""{"resource":"configmaps","namespace":"default","name":"a","apiVersion":"v1"}""", complete["objectRef"]!.ToJsonString());
        Assert.Equal("a", (string)complete["requestObject"]!["metadata"]!["name"]!);
        Assert.True(JsonNode.DeepEquals(answer, complete["responseObject"]));
        Assert.Equal("""{"metadata":{},"code":201}""", complete["responseStatus"]!.ToJsonString());
        Assert.Equal("allow", (string)complete["annotations"]!["authorization.k8s.io/decision"]!);
        Assert.Null(received["responseStatus"]);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", (string)complete["stageTimestamp"]!);
    }

    [Fact]
    public async Task Create_AtMetadata_HasTheNameAndNoBody()
    {
        var (events, _) = await RunAsync("- level: Metadata", api => api.DoAsync("POST", "/api/v1/namespaces/default/secrets", """{"metadata":{"name":"s"},"stringData":{"a":"hidden"} }"""));

        var complete = Assert.Single(events, one => StageOf(one) == "ResponseComplete" && VerbOf(one) == "create");
        Assert.Equal("s", (string)complete["objectRef"]!["name"]!);
        Assert.DoesNotContain("hidden", File.ReadAllText(LogFile), StringComparison.Ordinal);
        Assert.Null(complete["requestObject"]);
    }

    [Fact]
    public async Task Refusals_AreWrittenWithTheirReason()
    {
        var (events, _) = await RunAsync("- level: Request", async api =>
        {
            await api.SendAsync("GET", Api.ConfigMaps + "/missing");
            return (await api.SendAsync("PATCH", Api.ConfigMaps + "/missing", """{"data":{"a":"b"} }""", "application/merge-patch+json")).Body;
        });

        var get = Assert.Single(events, one => StageOf(one) == "ResponseComplete" && VerbOf(one) == "get");
        Assert.Equal(("Failure", "NotFound", 404), ((string)get["responseStatus"]!["status"]!, (string)get["responseStatus"]!["reason"]!, (int)get["responseStatus"]!["code"]!));
        var patch = Assert.Single(events, one => StageOf(one) == "ResponseComplete" && VerbOf(one) == "patch");
        Assert.Equal("b", (string)patch["requestObject"]!["data"]!["a"]!);
        Assert.Null(patch["responseObject"]);
    }

    [Fact]
    public async Task Watch_IsWrittenWhenItBeginsAndWhenItEnds()
    {
        var (events, _) = await RunAsync("- level: RequestResponse", async api =>
        {
            await api.WatchAsync(Api.ConfigMaps + "?watch=true&timeoutSeconds=1");
            return new JsonObject();
        });

        Assert.Equal(["RequestReceived", "ResponseStarted", "ResponseComplete"], events.Where(one => VerbOf(one) == "watch").Select(StageOf));
    }

    [Fact]
    public async Task ManagedFields_Omitted_AreInNoBody()
    {
        const string Applied = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"y"} }""";
        var (events, _) = await RunAsync("- {level: RequestResponse, omitManagedFields: true}", async api =>
        {
            var made = await api.DoAsync("PATCH", Api.ConfigMaps + "/a?fieldManager=me", Applied, "application/apply-patch+yaml");
            Assert.NotNull(made["metadata"]!["managedFields"]);
            return made;
        });

        var complete = Assert.Single(events, one => StageOf(one) == "ResponseComplete" && VerbOf(one) == "patch");
        Assert.Equal("y", (string)complete["requestObject"]!["data"]!["x"]!);
        Assert.Equal("a", (string)complete["responseObject"]!["metadata"]!["name"]!);
        Assert.Null(complete["responseObject"]!["metadata"]!["managedFields"]);
    }

    [Fact]
    public async Task Impersonation_HasBothUsers()
    {
        var (events, _) = await RunAsync("- level: Metadata", async api =>
        {
            await api.SendAsync("GET", Api.ConfigMaps, asUser: "jane");
            return new JsonObject();
        });

        var complete = Assert.Single(events, one => StageOf(one) == "ResponseComplete" && VerbOf(one) == "list");
        Assert.Equal(("admin", "jane", "forbid"),
            ((string)complete["user"]!["username"]!, (string)complete["impersonatedUser"]!["username"]!, (string)complete["annotations"]!["authorization.k8s.io/decision"]!));
    }

    private string LogFile => Path.Combine(_folder.FullName, "audit.log");

    private static string StageOf(JsonNode one) => (string)one["stage"]!;

    private static string VerbOf(JsonNode one) => (string)one["verb"]!;

    private async Task<(List<JsonNode> Events, JsonNode Answer)> RunAsync(string rules, Func<Api, Task<JsonNode>> ask)
    {
        var policy = Path.Combine(_folder.FullName, "policy.yaml");
        await File.WriteAllTextAsync(policy, $"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n{rules}\n", TestContext.Current.CancellationToken);
        JsonNode answer;
        await using (var server = await TestApiServer.StartAsync(configure: options => options with { Audit = new AuditOptions { LogPath = LogFile, PolicyFile = policy } }))
            answer = await ask(new Api(server.Client));
        // All is written when the server has ended.
        return ([.. File.ReadLines(LogFile).Select(line => JsonNode.Parse(line)!)], answer);
    }
}
