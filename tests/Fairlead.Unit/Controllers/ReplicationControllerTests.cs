using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class ReplicationControllerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Created_BecomesReadyPods_WithStatusAndEvents()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(), Cancel);
        var pods = await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 3, "three ready pods");
        Assert.All(pods, pod =>
        {
            Assert.StartsWith("kubia-", pod.Metadata.Name, StringComparison.Ordinal);
            Assert.Equal("kubia-", pod.Metadata.GenerateName);
            Assert.True(pod.Metadata.OwnerReferences.Single().Controller);
        });
        var rc = await UntilRcAsync(cluster, rc => rc.Status is { ReadyReplicas: 3, AvailableReplicas: 3, Replicas: 3, FullyLabeledReplicas: 3 });
        Assert.Equal(rc.Metadata.Generation, rc.Status.ObservedGeneration);
        var events = await TestCluster.UntilAsync(() => cluster.EventsAsync("SuccessfulCreate"), events => events.Count > 1, "events");
        Assert.Subset(pods.Select(pod => $"Created pod: {pod.Metadata.Name}").ToHashSet(), events.ToHashSet());
    }

    [Fact]
    public async Task Scaled_UpAndDown_FollowsExactly()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 2);
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(), Cancel);
        await cluster.UntilPodsAsync(pods => pods.Count == 3, "three pods");
        await ScaleAsync(cluster, 20);
        await UntilRcAsync(cluster, rc => rc.Status.ReadyReplicas == 20);
        Assert.Equal(20, (await cluster.PodsAsync()).Count);
        await ScaleAsync(cluster, 1);
        await cluster.UntilPodsAsync(pods => pods.Count == 1, "one pod");
        await UntilRcAsync(cluster, rc => rc.Status is { Replicas: 1, ReadyReplicas: 1 });
        // Events may be lost, two at the same instant for one; how many pods there are is told by the pods.
        var deleted = await TestCluster.UntilAsync(() => cluster.EventsAsync("SuccessfulDelete"), events => events.Count > 9, "events");
        Assert.All(deleted, message => Assert.StartsWith("Deleted pod: kubia-", message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task PodDeleted_IsReplaced()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(), Cancel);
        var pods = await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 3, "three ready pods");
        var victim = pods[0].Metadata.Name;
        await cluster.Client.DeleteAsync(ApiResources.Pods, new ObjectKey("default", victim), null, Cancel);
        await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 3 && pods.All(pod => pod.Metadata.Name != victim), "a replacement");
    }

    [Fact]
    public async Task PodRelabelled_IsReleasedAndReplaced_AndTakenBackByItsLabel()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(), Cancel);
        var pods = await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 3, "three ready pods");
        var left = new ObjectKey("default", pods[0].Metadata.Name);
        await LabelAsync(cluster, left, "other");
        await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 4, "a fourth pod");
        await TestCluster.UntilAsync(
            () => cluster.Client.GetAsync(ApiResources.Pods, "default", left.Name, Cancel), pod => pod.Metadata.OwnerReferences is null or { Count: 0 }, "released");
        await LabelAsync(cluster, left, "kubia");
        var after = await cluster.UntilPodsAsync(pods => pods.Count == 3, "the surplus pod gone");
        Assert.All(after, pod => Assert.Single(pod.Metadata.OwnerReferences));
    }

    [Fact]
    public async Task SlowCache_NeverCreatesOrDeletesTooMany()
    {
        await using var cluster = await TestCluster.StartAsync(lag: TimeSpan.FromMilliseconds(60));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var (created, deleted) = (new HashSet<string>(), new HashSet<string>());
        var before = await cluster.Client.ListAsync(ApiResources.Pods, "default", ListOptions.All, Cancel);
        var watch = CountAsync(cluster, before.ResourceVersion, created, deleted, stop.Token);
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(20), Cancel);
        await UntilRcAsync(cluster, rc => rc.Status is { ReadyReplicas: 20, Replicas: 20 });
        await ScaleAsync(cluster, 32);
        await UntilRcAsync(cluster, rc => rc.Status is { ReadyReplicas: 32, Replicas: 32 });
        await ScaleAsync(cluster, 5);
        await UntilRcAsync(cluster, rc => rc.Status is { ReadyReplicas: 5, Replicas: 5 });
        await cluster.UntilPodsAsync(pods => pods.Count == 5, "five pods");
        await TestCluster.UntilAsync(() => Task.FromResult(deleted.Count), count => count >= 27, "deletions seen");
        await stop.CancelAsync();
        await watch;
        Assert.Equal((32, 27), (created.Count, deleted.Count));
    }

    private static async Task CountAsync(TestCluster cluster, string version, HashSet<string> created, HashSet<string> deleted, CancellationToken cancel)
    {
        try
        {
            await foreach (var change in cluster.Client.WatchAsync(ApiResources.Pods, "default", ListOptions.All, version, cancel))
            {
                if (change.Type == WatchEventType.Added) created.Add(change.Object.Metadata.Uid);
                if (change.Type == WatchEventType.Deleted) deleted.Add(change.Object.Metadata.Uid);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static Task LabelAsync(TestCluster cluster, ObjectKey pod, string app) => TestCluster.WriteAsync(() => cluster.Client.PatchAsync(
        ApiResources.Pods, pod, Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = app } } }), null, Cancel));

    private static Task ScaleAsync(TestCluster cluster, int replicas) => TestCluster.WriteAsync(() => cluster.Client.PatchAsync(
        ApiResources.ReplicationControllers, new ObjectKey("default", "kubia"),
        Patch.Merge(new JsonObject { ["spec"] = new JsonObject { ["replicas"] = replicas } }), null, Cancel));

    private static Task<V1ReplicationController> UntilRcAsync(TestCluster cluster, Func<V1ReplicationController, bool> holds) =>
        TestCluster.UntilAsync(() => cluster.Client.GetAsync(ApiResources.ReplicationControllers, "default", "kubia", Cancel), rc => rc.Status is not null && holds(rc), "status");
}
