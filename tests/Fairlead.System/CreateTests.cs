using Xunit;

namespace Fairlead.System;

/// <summary>`kubectl create`, which speaks protobuf and does not fall back on JSON.</summary>
public sealed class CreateTests(Cluster cluster)
{
    [Theory]
    [InlineData("configmap c --from-literal=a=b", "configmap/c", "{.data.a}", "b")]
    [InlineData("secret generic s --from-literal=a=b", "secret/s", "{.data.a} {.type}", "Yg== Opaque")]
    [InlineData("serviceaccount robot", "serviceaccount/robot", "{.metadata.name}", "robot")]
    [InlineData("service clusterip web --tcp=80:8080", "service/web", "{.spec.type} {.spec.ports[0].port} {.spec.ports[0].targetPort} {.spec.selector.app}", "ClusterIP 80 8080 web")]
    [InlineData("service clusterip none --clusterip=None", "service/none", "{.spec.clusterIP}", "None")]
    [InlineData("service nodeport np --tcp=80:http --node-port=31234", "service/np", "{.spec.ports[0].nodePort} {.spec.ports[0].targetPort}", "31234 http")]
    [InlineData("service loadbalancer lb --tcp=443:8443", "service/lb", "{.spec.type} {.spec.ports[0].name}", "LoadBalancer 443-8443")]
    [InlineData("service externalname ext --external-name=example.com", "service/ext", "{.spec.externalName}", "example.com")]
    public async Task Create_OfAKind_IsThereAsAsked(string command, string what, string jsonPath, string expected)
    {
        await using var kubectl = await cluster.NamespaceAsync();

        await kubectl.RunAsync(["create", .. command.Split(' ')]);

        Assert.Equal(expected, await kubectl.RunAsync("get", what, "-o", $"jsonpath={jsonPath}"));
    }

    [Fact]
    public async Task Create_ThereAlready_SaysSo()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("create", "configmap", "c");

        var second = await kubectl.TryAsync(["create", "configmap", "c"]);

        Assert.Equal(1, second.Code);
        Assert.Contains("configmaps \"c\" already exists", second.Error, StringComparison.Ordinal);
    }
}
