using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Subresources of pods that change them: eviction and ephemeral containers; and bodies in YAML.</summary>
public sealed class PodSubresourceTests : ApiTest
{
    private const string Debugger = """{"spec":{"ephemeralContainers":[{"name":"debugger","image":"busybox","targetContainerName":"c"}]}}""";
    private const string Strategic = "application/strategic-merge-patch+json";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Requests.DoAsync("POST", Api.Pods, Api.BoundPod);
    }

    [Fact]
    public async Task Eviction_DeletesThePodWithItsGrace()
    {
        var (code, status) = await Requests.SendAsync("POST", Api.Pods + "/p/eviction", """{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p"},"deleteOptions":{"gracePeriodSeconds":7}}""");

        Assert.Equal((201, "Success"), (code, (string)status["status"]!));
        Assert.Equal(7, (int)(await Requests.DoAsync("GET", Api.Pods + "/p"))["metadata"]!["deletionGracePeriodSeconds"]!);
    }

    [Fact]
    public async Task EphemeralContainer_Added_StaysAndCannotChange()
    {
        var pod = await Requests.DoAsync("PATCH", Api.Pods + "/p/ephemeralcontainers", Debugger, Strategic);
        Assert.Equal("File", (string)pod["spec"]!["ephemeralContainers"]![0]!["terminationMessagePolicy"]!);

        var (code, status) = await Requests.SendAsync("PATCH", Api.Pods + "/p/ephemeralcontainers", Debugger.Replace("busybox", "other", StringComparison.Ordinal), Strategic);
        Assert.Equal(422, code);
        Assert.Contains("may not be changed", (string)status["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EphemeralContainer_ThroughThePodItself_IsLeftOut()
    {
        var pod = await Requests.DoAsync("PATCH", Api.Pods + "/p", Debugger, Strategic);

        Assert.Null(pod["spec"]!["ephemeralContainers"]);
    }

    [Fact]
    public async Task Create_FromYaml_IsTheSameObject()
    {
        await Requests.DoAsync("POST", Api.ConfigMaps, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  a: \"1\"\n", "application/yaml");

        Assert.Equal("1", (string)(await Requests.DoAsync("GET", Api.ConfigMaps + "/y"))["data"]!["a"]!);
    }
}
