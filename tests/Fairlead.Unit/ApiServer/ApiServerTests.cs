using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.ApiServer;

public sealed class ApiServerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Service_Created_GetsAddressAndDefaults()
    {
        await using var server = await TestApiServer.StartAsync();

        var created = await server.Client.CreateAsync(ApiResources.Services, Kubia(), Cancel);

        Assert.StartsWith("10.96.", created.Spec.ClusterIP, StringComparison.Ordinal);
        Assert.Equal("ClusterIP", created.Spec.Type);
        Assert.Equal("TCP", created.Spec.Ports[0].Protocol);
        Assert.NotNull(created.Metadata.Uid);
        var kubernetes = await server.Client.GetAsync(ApiResources.Services, "default", "kubernetes", Cancel);
        Assert.Equal("10.96.0.1", kubernetes.Spec.ClusterIP);
    }

    [Fact]
    public async Task Watch_ObjectsComeAndGo_ToldInOrder()
    {
        await using var server = await TestApiServer.StartAsync();
        var before = await server.Client.ListAsync(ApiResources.Services, "default", ListOptions.All, Cancel);
        await server.Client.CreateAsync(ApiResources.Services, Kubia(), Cancel);
        await server.Client.DeleteAsync(ApiResources.Services, new ObjectKey("default", "kubia"), null, Cancel);

        var seen = new List<WatchEventType>();
        await foreach (var change in server.Client.WatchAsync(ApiResources.Services, "default", ListOptions.All, before.ResourceVersion, Cancel))
        {
            seen.Add(change.Type);
            if (seen.Count == 2) break;
        }

        Assert.Equal([WatchEventType.Added, WatchEventType.Deleted], seen);
    }

    [Fact]
    public async Task Update_StaleResourceVersion_Conflicts()
    {
        await using var server = await TestApiServer.StartAsync();
        var first = await server.Client.CreateAsync(ApiResources.Services, Kubia(), Cancel);
        first.Metadata.Labels = new Dictionary<string, string> { ["a"] = "b" };
        await server.Client.ReplaceAsync(ApiResources.Services, first, null, Cancel);

        var refused = await Assert.ThrowsAsync<KubeApiException>(() => server.Client.ReplaceAsync(ApiResources.Services, first, null, Cancel));

        Assert.True(refused.IsConflict);
        Assert.Contains("please apply your changes to the latest version", refused.Message, StringComparison.Ordinal);
    }

    private static V1Service Kubia() => new()
    {
        Metadata = new V1ObjectMeta { Name = "kubia", NamespaceProperty = "default" },
        Spec = new V1ServiceSpec
        {
            Selector = new Dictionary<string, string> { ["app"] = "kubia" },
            Ports = [new V1ServicePort { Port = 80, TargetPort = 8080 }],
        },
    };
}
