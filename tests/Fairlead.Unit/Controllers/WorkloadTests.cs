using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

/// <summary>The controllers of apps/v1 on a real API server, with caches that lag behind: what they promise of numbers must hold all the same.</summary>
public sealed class WorkloadTests
{
    private static readonly TimeSpan Lag = TimeSpan.FromMilliseconds(40);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deployment_RollingUpdate_StaysBetweenItsFenceposts()
    {
        await using var cluster = await TestCluster.StartAsync(lag: Lag);
        await cluster.Client.CreateAsync(ApiResources.Deployments, Web(6, maxSurge: 2, maxUnavailable: 1), Cancel);
        await UntilRolledOutAsync(cluster, 6);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var counts = new Counts();
        var watch = counts.WatchAsync(cluster, await cluster.PodsAsync(), stop.Token);
        await PatchAsync(cluster, "v2");
        await UntilRolledOutAsync(cluster, 6);
        await stop.CancelAsync();
        await watch;
        Assert.InRange(counts.Most, 7, 8);
        Assert.InRange(counts.LeastReady, 5, 6);
        Assert.All(await cluster.PodsAsync(), pod => Assert.Equal("v2", pod.Spec.Containers[0].Image));
    }

    [Fact]
    public async Task Deployment_Recreate_NeverRunsBothTemplates()
    {
        await using var cluster = await TestCluster.StartAsync(lag: Lag);
        var web = Web(3, 1, 0);
        web.Spec.Strategy = new V1DeploymentStrategy { Type = "Recreate" };
        await cluster.Client.CreateAsync(ApiResources.Deployments, web, Cancel);
        await UntilRolledOutAsync(cluster, 3);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var counts = new Counts();
        var watch = counts.WatchAsync(cluster, await cluster.PodsAsync(), stop.Token);
        await PatchAsync(cluster, "v2");
        await UntilRolledOutAsync(cluster, 3);
        await stop.CancelAsync();
        await watch;
        Assert.Equal((1, 3), (counts.MostImages, counts.Most));
    }

    [Fact]
    public async Task Deployment_ManyTemplatesInARow_EndsWithTheLast()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 2, lag: Lag);
        await cluster.Client.CreateAsync(ApiResources.Deployments, Web(4, 1, 1), Cancel);
        foreach (var image in (string[])["v2", "v3", "v4"]) await PatchAsync(cluster, image);
        await UntilRolledOutAsync(cluster, 4);
        await cluster.UntilPodsAsync(pods => pods.Count == 4 && pods.All(pod => pod.Spec.Containers[0].Image == "v4"), "four of v4");
        var sets = await cluster.Client.ListAsync(ApiResources.ReplicaSets, "default", ListOptions.All, Cancel);
        Assert.Equal(4, sets.Items.Sum(set => set.Spec.Replicas));
        var revisions = sets.Items.Select(set => set.Metadata.Annotations["deployment.kubernetes.io/revision"]).ToList();
        Assert.Equal(revisions.Distinct(), revisions);
    }

    [Fact]
    public async Task ReplicaSet_SelectorOfExpressions_AdoptsAndCounts()
    {
        await using var cluster = await TestCluster.StartAsync();
        var template = Web(1, 1, 0).Spec.Template;
        var orphan = new V1Pod { Metadata = new V1ObjectMeta { Name = "orphan", NamespaceProperty = "default", Labels = template.Metadata.Labels }, Spec = template.Spec };
        await cluster.Client.CreateAsync(ApiResources.Pods, orphan, Cancel);
        var set = new V1ReplicaSet
        {
            Metadata = new V1ObjectMeta { Name = "set", NamespaceProperty = "default" },
            Spec = new V1ReplicaSetSpec
            {
                Replicas = 2,
                Selector = new V1LabelSelector { MatchExpressions = [new V1LabelSelectorRequirement { Key = "app", OperatorProperty = "In", Values = ["web", "other"] }] },
                Template = template,
            },
        };
        await cluster.Client.CreateAsync(ApiResources.ReplicaSets, set, Cancel);
        var pods = await cluster.UntilPodsAsync(pods => pods.Count == 2 && pods.All(TestCluster.IsReady), "two pods");
        Assert.Contains(pods, pod => pod.Metadata.Name == "orphan" && pod.Metadata.OwnerReferences.Single().Name == "set");
        await TestCluster.UntilAsync(
            () => cluster.Client.GetAsync(ApiResources.ReplicaSets, "default", "set", Cancel),
            now => now.Status is { Replicas: 2, ReadyReplicas: 2, AvailableReplicas: 2, FullyLabeledReplicas: 2 }, "status");
    }

    [Fact]
    public async Task StatefulSet_UnderAnUpdate_NeverMissesTwo()
    {
        await using var cluster = await TestCluster.StartAsync(lag: Lag);
        var template = Web(1, 1, 0).Spec.Template;
        var set = new V1StatefulSet
        {
            Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default" },
            Spec = new V1StatefulSetSpec { ServiceName = "web", Replicas = 3, Selector = Selector, Template = template },
        };
        await cluster.Client.CreateAsync(ApiResources.StatefulSets, set, Cancel);
        await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 3, "three pods");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var counts = new Counts();
        var watch = counts.WatchAsync(cluster, await cluster.PodsAsync(), stop.Token);
        await TestCluster.WriteAsync(() => cluster.Client.PatchAsync(ApiResources.StatefulSets, new ObjectKey("default", "web"), Image("v2"), null, Cancel));
        await TestCluster.UntilAsync(
            () => cluster.Client.GetAsync(ApiResources.StatefulSets, "default", "web", Cancel),
            now => now.Status is { UpdatedReplicas: 3, ReadyReplicas: 3 } && now.Status.ObservedGeneration >= now.Metadata.Generation
                && now.Status.CurrentRevision == now.Status.UpdateRevision, "updated");
        await stop.CancelAsync();
        await watch;
        Assert.Equal(2, counts.LeastReady);
        Assert.InRange(counts.Most, 2, 3);
    }

    [Fact]
    public async Task DaemonSet_NodeComes_GetsItsPod()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 2, lag: Lag);
        var set = new V1DaemonSet
        {
            Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default" },
            Spec = new V1DaemonSetSpec { Selector = Selector, Template = Web(1, 1, 0).Spec.Template },
        };
        await cluster.Client.CreateAsync(ApiResources.DaemonSets, set, Cancel);
        await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 2, "two pods");
        await cluster.AddNodeAsync("node-3");
        var pods = await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 3, "three pods");
        Assert.Equal(["node-1", "node-2", "node-3"], pods.Select(pod => pod.Spec.NodeName).Order());
        await TestCluster.UntilAsync(
            () => cluster.Client.GetAsync(ApiResources.DaemonSets, "default", "web", Cancel),
            now => now.Status is { DesiredNumberScheduled: 3, NumberReady: 3, UpdatedNumberScheduled: 3, NumberAvailable: 3 }, "status");
    }

    private static V1LabelSelector Selector => new() { MatchLabels = new Dictionary<string, string> { ["app"] = "web" } };

    private static V1Deployment Web(int replicas, int maxSurge, int maxUnavailable) => new()
    {
        Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default" },
        Spec = new V1DeploymentSpec
        {
            Replicas = replicas,
            Selector = Selector,
            Strategy = new V1DeploymentStrategy { RollingUpdate = new V1RollingUpdateDeployment { MaxSurge = maxSurge, MaxUnavailable = maxUnavailable } },
            Template = new V1PodTemplateSpec
            {
                Metadata = new V1ObjectMeta { Labels = new Dictionary<string, string> { ["app"] = "web" } },
                Spec = new V1PodSpec { Containers = [new V1Container { Name = "c", Image = "v1" }] },
            },
        },
    };

    private static Patch Image(string image) => Patch.StrategicMerge((JsonObject)JsonNode.Parse(
        """{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"IMAGE"}]}}}}""".Replace("IMAGE", image, StringComparison.Ordinal))!);

    private static Task PatchAsync(TestCluster cluster, string image) =>
        TestCluster.WriteAsync(() => cluster.Client.PatchAsync(ApiResources.Deployments, new ObjectKey("default", "web"), Image(image), null, Cancel));

    /// <summary>As <c>kubectl rollout status</c> decides it.</summary>
    private static Task<V1Deployment> UntilRolledOutAsync(TestCluster cluster, int replicas) => TestCluster.UntilAsync(
        () => cluster.Client.GetAsync(ApiResources.Deployments, "default", "web", Cancel),
        now => now.Status is { } status && status.ObservedGeneration >= now.Metadata.Generation
            && status.UpdatedReplicas == replicas && status.Replicas == replicas && status.AvailableReplicas == replicas, "rolled out");

    /// <summary>What a watch sees of the pods that are there and stay.</summary>
    private sealed class Counts
    {
        private readonly Dictionary<string, V1Pod> _pods = [];

        public int Most { get; private set; }
        public int LeastReady { get; private set; } = int.MaxValue;
        public int MostImages { get; private set; }

        public async Task WatchAsync(TestCluster cluster, IReadOnlyList<V1Pod> present, CancellationToken cancel)
        {
            foreach (var pod in present) _pods[pod.Metadata.Uid] = pod;
            var version = present.Max(pod => long.Parse(pod.Metadata.ResourceVersion, System.Globalization.CultureInfo.InvariantCulture));
            try
            {
                await foreach (var change in cluster.Client.WatchAsync(ApiResources.Pods, "default", ListOptions.All, $"{version}", cancel))
                {
                    if (change.Type == WatchEventType.Deleted) _pods.Remove(change.Object.Metadata.Uid);
                    else if (change.Type != WatchEventType.Bookmark) _pods[change.Object.Metadata.Uid] = change.Object;
                    Note();
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
            }
        }

        private void Note()
        {
            var staying = _pods.Values.Where(pod => pod.Metadata.DeletionTimestamp is null).ToList();
            Most = Math.Max(Most, staying.Count);
            LeastReady = Math.Min(LeastReady, staying.Count(TestCluster.IsReady));
            MostImages = Math.Max(MostImages, _pods.Values.Select(pod => pod.Spec.Containers[0].Image).Distinct().Count());
        }
    }
}
