using System.Text.Json.Nodes;
using Fairlead.Controllers;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class EndpointTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<TestCluster> StartKubiaAsync()
    {
        var cluster = await TestCluster.StartAsync();
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(), Cancel);
        await cluster.Client.CreateAsync(ApiResources.Services, TestCluster.Service(), Cancel);
        await UntilReadyAsync(cluster, 3);
        return cluster;
    }

    private static Task<IReadOnlyList<V1EndpointSlice>> UntilReadyAsync(TestCluster cluster, int count) => TestCluster.UntilAsync(
        () => cluster.SlicesAsync(), slices => slices.SelectMany(slice => slice.Endpoints ?? []).Count(e => e.Conditions.Ready == true) == count, $"{count} ready endpoints");

    private static Task<V1Endpoints?> UntilAddressesAsync(TestCluster cluster, int count) => TestCluster.UntilAsync(
        () => cluster.Client.FindAsync(ApiResources.Endpoints, "default", "kubia", Cancel),
        endpoints => endpoints is not null && (endpoints.Subsets ?? []).Sum(subset => subset.Addresses?.Count ?? 0) == count, $"{count} addresses");

    [Fact]
    public async Task Service_WithReadyPods_HasOneSliceAndEndpoints()
    {
        await using var cluster = await StartKubiaAsync();
        var slice = Assert.Single(await UntilReadyAsync(cluster, 3));
        Assert.StartsWith("kubia-", slice.Metadata.Name, StringComparison.Ordinal);
        Assert.Equal("endpointslice-controller.k8s.io", slice.Metadata.Labels["endpointslice.kubernetes.io/managed-by"]);
        Assert.Equal(("Service", "kubia"), (slice.Metadata.OwnerReferences.Single().Kind, slice.Metadata.OwnerReferences.Single().Name));
        Assert.True(slice.Metadata.Annotations.ContainsKey("endpoints.kubernetes.io/last-change-trigger-time"));
        Assert.Equal((8080, "TCP"), (slice.Ports.Single().Port, slice.Ports.Single().Protocol));
        Assert.All(slice.Endpoints, endpoint => Assert.Equal(("node-1", "Pod"), (endpoint.NodeName, endpoint.TargetRef.Kind)));
        var endpoints = await UntilAddressesAsync(cluster, 3);
        Assert.Equal("endpoint-controller", endpoints!.Metadata.Labels["endpoints.kubernetes.io/managed-by"]);
    }

    [Fact]
    public async Task PodBeingDeleted_LeavesAtOnce()
    {
        await using var cluster = await TestCluster.StartAsync(runPods: false);
        await cluster.Client.CreateAsync(ApiResources.Services, TestCluster.Service(), Cancel);
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(1), Cancel);
        var pod = (await cluster.UntilPodsAsync(pods => pods.Count == 1 && pods[0].Spec.NodeName is not null, "a bound pod"))[0];
        var running = JsonNode.Parse("""{"status":{"phase":"Running","podIP":"10.244.0.9","podIPs":[{"ip":"10.244.0.9"}],"conditions":[{"type":"Ready","status":"True"}]}}""")!.AsObject();
        await TestCluster.WriteAsync(() => cluster.Client.PatchAsync(ApiResources.Pods, ObjectKey.Of(pod), Patch.StrategicMerge(running), "status", Cancel));
        await UntilReadyAsync(cluster, 1);
        await cluster.Client.DeleteAsync(ApiResources.Pods, ObjectKey.Of(pod), null, Cancel);
        // Nobody ends the pod here: it stays, terminating.
        var slices = await UntilReadyAsync(cluster, 0);
        var endpoint = slices.SelectMany(slice => slice.Endpoints).Single();
        Assert.Equal((false, true, true), (endpoint.Conditions.Ready, endpoint.Conditions.Serving, endpoint.Conditions.Terminating));
        await UntilAddressesAsync(cluster, 0);
    }

    [Fact]
    public async Task Slice_DeletedOrChanged_ComesBack()
    {
        await using var cluster = await StartKubiaAsync();
        var slice = (await cluster.SlicesAsync()).Single();
        await cluster.Client.DeleteAsync(ApiResources.EndpointSlices, ObjectKey.Of(slice), null, Cancel);
        await TestCluster.UntilAsync(() => cluster.SlicesAsync(), slices => slices.Count == 1 && slices[0].Metadata.Uid != slice.Metadata.Uid && slices[0].Endpoints.Count == 3, "a new slice");
        var again = (await cluster.SlicesAsync()).Single();
        var emptied = new JsonObject { ["endpoints"] = new JsonArray() };
        await TestCluster.WriteAsync(() => cluster.Client.PatchAsync(ApiResources.EndpointSlices, ObjectKey.Of(again), Patch.Merge(emptied), null, Cancel));
        await UntilReadyAsync(cluster, 3);
    }

    [Fact]
    public async Task Service_Deleted_TakesSlicesAndEndpointsAlong()
    {
        await using var cluster = await StartKubiaAsync();
        await UntilAddressesAsync(cluster, 3);
        await cluster.Client.DeleteAsync(ApiResources.Services, new ObjectKey("default", "kubia"), null, Cancel);
        await TestCluster.UntilAsync(() => cluster.SlicesAsync(), slices => slices.Count == 0, "no slices");
        await TestCluster.UntilAsync(() => cluster.Client.FindAsync(ApiResources.Endpoints, "default", "kubia", Cancel), endpoints => endpoints is null, "no endpoints");
    }

    [Fact]
    public async Task Service_WithoutPods_HasOneEmptySlice()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.Client.CreateAsync(ApiResources.Services, TestCluster.Service(), Cancel);
        var slices = await TestCluster.UntilAsync(() => cluster.SlicesAsync(), slices => slices.Count > 0, "a slice");
        Assert.Empty(slices.Single().Endpoints ?? []);
    }

    [Fact]
    public async Task ManyPods_FillSlicesToTheirLimit()
    {
        await using var cluster = await TestCluster.StartAsync(new ControllerOptions { MaxEndpointsPerSlice = 10 });
        await cluster.Client.CreateAsync(ApiResources.Services, TestCluster.Service(), Cancel);
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(35), Cancel);
        var slices = await UntilReadyAsync(cluster, 35);
        Assert.All(slices, slice => Assert.InRange(slice.Endpoints.Count, 1, 10));
        Assert.Equal(35, slices.SelectMany(slice => slice.Endpoints).Select(endpoint => endpoint.Addresses[0]).Distinct().Count());
    }

    [Fact]
    public async Task SlowCache_NeverMakesASliceTwice()
    {
        await using var cluster = await TestCluster.StartAsync(new ControllerOptions { MaxEndpointsPerSlice = 4 }, lag: TimeSpan.FromMilliseconds(40));
        await cluster.Client.CreateAsync(ApiResources.Services, TestCluster.Service(), Cancel);
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(20), Cancel);
        var slices = await UntilReadyAsync(cluster, 20);
        var addresses = slices.SelectMany(slice => slice.Endpoints).Select(endpoint => endpoint.Addresses[0]).ToList();
        Assert.Equal(addresses.Distinct().Count(), addresses.Count);
        Assert.All(slices, slice => Assert.InRange(slice.Endpoints.Count, 1, 4));
    }

    [Fact]
    public async Task ManualEndpoints_OfServiceWithoutSelector_AreMirrored()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.Client.CreateAsync(ApiResources.Services, TestCluster.Service("outside", selects: false), Cancel);
        await cluster.Client.CreateAsync(ApiResources.Endpoints, new V1Endpoints
        {
            Metadata = new V1ObjectMeta { Name = "outside", NamespaceProperty = "default" },
            Subsets = [new V1EndpointSubset { Addresses = [new V1EndpointAddress { Ip = "192.0.2.7" }], Ports = [new Corev1EndpointPort { Port = 8080 }] }],
        }, Cancel);
        var slices = await TestCluster.UntilAsync(() => cluster.SlicesAsync("outside"), slices => slices.Count > 0, "a mirror");
        var slice = slices.Single();
        Assert.Equal("endpointslicemirroring-controller.k8s.io", slice.Metadata.Labels["endpointslice.kubernetes.io/managed-by"]);
        Assert.Equal("192.0.2.7", slice.Endpoints.Single().Addresses.Single());
        await cluster.Client.DeleteAsync(ApiResources.Endpoints, new ObjectKey("default", "outside"), null, Cancel);
        await TestCluster.UntilAsync(() => cluster.SlicesAsync("outside"), slices => slices.Count == 0, "no mirror");
    }
}
