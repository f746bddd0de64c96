using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Server-side apply as its page documents it: ownership, conflicts, force, removal, lists with keys (Kubernetes documentation: "Server-Side Apply").</summary>
public sealed class ServerSideApplyTests : ApiTest
{
    private const string Path = Api.ConfigMaps + "/test-cm";
    private const string Services = "/api/v1/namespaces/default/services/kubia";
    private const string Apply = "application/apply-patch+yaml";
    private const string Merge = "application/merge-patch+json";

    [Fact]
    public async Task Apply_OfNothing_CreatesAndOwns()
    {
        var (code, made) = await ApplyAsync("one", "key: some value");

        Assert.Equal(201, code);
        var entry = Assert.Single(made["metadata"]!["managedFields"]!.AsArray())!;
        Assert.Equal(("one", "Apply", "v1", "FieldsV1"), ((string)entry["manager"]!, (string)entry["operation"]!, (string)entry["apiVersion"]!, (string)entry["fieldsType"]!));
        Assert.Equal("""{"f:data":{"f:key":{}}}""", entry["fieldsV1"]!.ToJsonString());
    }

    [Fact]
    public async Task Apply_OfAnothersField_ConflictsUntilForcedOrShared()
    {
        await ApplyAsync("one", "key: a");

        var (code, status) = await ApplyAsync("two", "key: b");
        Assert.Equal((409, """Apply failed with 1 conflict: conflict with "one" using v1: .data.key"""), (code, (string)status["message"]!));
        Assert.Equal(("FieldManagerConflict", ".data.key"), ((string)status["details"]!["causes"]![0]!["reason"]!, (string)status["details"]!["causes"]![0]!["field"]!));

        Assert.Equal(200, (await ApplyAsync("two", "key: a")).Code);
        Assert.Equal(["one", "two"], Managers(await Requests.DoAsync("GET", Path)));
        var forced = (await ApplyAsync("two", "key: b", "&force=true")).Body;
        Assert.Equal("b", (string)forced["data"]!["key"]!);
        Assert.Equal(["two"], Managers(forced));
    }

    [Fact]
    public async Task Apply_WithoutAFieldOfBefore_RemovesItUnlessAnotherOwnsIt()
    {
        await ApplyAsync("one", "mine: a\n  ours: b");
        await ApplyAsync("two", "ours: b");

        var left = (await ApplyAsync("one", "other: c")).Body;

        Assert.Equal("""{"ours":"b","other":"c"}""", left["data"]!.ToJsonString());
    }

    [Fact]
    public async Task Update_OfAnAppliedField_TakesItOver()
    {
        await ApplyAsync("one", "key: a\n  rest: r");

        var edited = await Requests.DoAsync("PATCH", Path + "?fieldManager=editor", """{"data":{"key":"b"}}""", Merge);

        Assert.Equal(["editor", "one"], Managers(edited));
        Assert.Equal(409, (await ApplyAsync("one", "key: a\n  rest: r")).Code);
        Assert.Equal(200, (await ApplyAsync("one", "rest: r")).Code);
        Assert.Equal("b", (string)(await Requests.DoAsync("GET", Path))["data"]!["key"]!);
    }

    [Fact]
    public async Task Apply_Again_ChangesNothing()
    {
        await ApplyAsync("one", "key: a");
        var before = (await Requests.DoAsync("GET", Path)).ToJsonString();

        await ApplyAsync("one", "key: a");

        Assert.Equal(before, (await Requests.DoAsync("GET", Path)).ToJsonString());
    }

    [Fact]
    public async Task Apply_OfAListWithKeys_MergesItemByItem()
    {
        Assert.Equal(201, (await ServiceAsync("one", "{name: http, port: 80}")).Code);
        Assert.Equal(200, (await ServiceAsync("two", "{name: https, port: 443}")).Code);

        var service = await Requests.DoAsync("GET", Services);
        Assert.Equal([80, 443], service["spec"]!["ports"]!.AsArray().Select(port => (int)port!["port"]!));
        Assert.Contains("""k:{"port":443,"protocol":"TCP"}""", service["metadata"]!["managedFields"]![1]!["fieldsV1"]!["f:spec"]!["f:ports"]!.AsObject().Select(pair => pair.Key));

        Assert.Equal(200, (await ServiceAsync("two", "{name: other, port: 8443}")).Code);
        service = await Requests.DoAsync("GET", Services);
        Assert.Equal([80, 8443], service["spec"]!["ports"]!.AsArray().Select(port => (int)port!["port"]!));
    }

    [Fact]
    public async Task Apply_AfterClientSideApply_TakesOverWhatKubectlApplied()
    {
        const string last = """{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"test-cm\"},\"data\":{\"key\":\"a\",\"old\":\"o\"}}""";
        await Requests.DoAsync("POST", Api.ConfigMaps, $$$"""{"metadata":{"name":"test-cm","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{{{last}}}"} },"data":{"key":"a","old":"o","foreign":"f"} }""");

        var (code, applied) = await ApplyAsync("kubectl", "key: b");

        Assert.Equal(200, code);
        Assert.Equal("""{"foreign":"f","key":"b"}""", new JsonObject(applied["data"]!.AsObject().OrderBy(pair => pair.Key).Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone()))).ToJsonString());
        Assert.Equal(["before-first-apply", "kubectl"], Managers(applied));
    }

    [Fact]
    public async Task Apply_OfAnObjectThatWasNeverApplied_ConflictsWithWhatItHad()
    {
        await Requests.ConfigMapAsync("test-cm", """ },"data":{"key":"a" """);

        var (code, status) = await ApplyAsync("one", "key: b");

        Assert.Equal((409, """Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.key"""), (code, (string)status["message"]!));
    }

    [Theory]
    [InlineData("", "apiVersion: v1\nkind: ConfigMap", 422, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")]
    [InlineData("?fieldManager=x", "apiVersion: v1\nkind: Secret", 400, "this is the path of v1 ConfigMap")]
    [InlineData("?fieldManager=x", "apiVersion: v1\nkind: ConfigMap\nmetadata: {managedFields: [{manager: y}]}", 400, "managedFields must be nil")]
    public async Task Apply_Wrong_IsRefused(string query, string body, int code, string says)
    {
        var (answered, status) = await Requests.SendAsync("PATCH", Path + query, body, Apply);

        Assert.Equal(code, answered);
        Assert.Contains(says, (string)status["message"]!, StringComparison.Ordinal);
    }

    private Task<(int Code, JsonNode Body)> ApplyAsync(string manager, string data, string more = "") =>
        Requests.SendAsync("PATCH", $"{Path}?fieldManager={manager}{more}", $"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: test-cm\ndata:\n  {data}\n", Apply);

    private Task<(int Code, JsonNode Body)> ServiceAsync(string manager, string port) =>
        Requests.SendAsync("PATCH", $"{Services}?fieldManager={manager}", $"apiVersion: v1\nkind: Service\nmetadata: {{name: kubia}}\nspec:\n  ports: [{port}]\n", Apply);

    private static string[] Managers(JsonNode obj) => [.. obj["metadata"]!["managedFields"]!.AsArray().Select(entry => (string)entry!["manager"]!).Order()];
}
