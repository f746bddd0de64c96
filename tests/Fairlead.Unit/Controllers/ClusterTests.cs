using System.Text.Json.Nodes;
using Fairlead.Controllers;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class ClusterTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static Task<V1ConfigMap?> RootAsync(TestCluster cluster, string ns) => cluster.Client.FindAsync(ApiResources.ConfigMaps, ns, "kube-root-ca.crt", Cancel);

    [Fact]
    public async Task Namespace_Created_GetsItsDefaultObjects_AndGetsThemAgain()
    {
        await using var cluster = await TestCluster.StartAsync(new ControllerOptions { RootCertificate = "PEM" });
        await cluster.Client.CreateAsync(ApiResources.Namespaces, new V1Namespace { Metadata = new V1ObjectMeta { Name = "team" } }, Cancel);
        var map = await TestCluster.UntilAsync(() => RootAsync(cluster, "team"), map => map is not null, "the certificate");
        var account = await TestCluster.UntilAsync(
            () => cluster.Client.FindAsync(ApiResources.ServiceAccounts, "team", "default", Cancel), account => account is not null, "the account");
        Assert.Equal("PEM", map!.Data["ca.crt"]);

        await cluster.Client.DeleteAsync(ApiResources.ConfigMaps, ObjectKey.Of(map), null, Cancel);
        await cluster.Client.DeleteAsync(ApiResources.ServiceAccounts, ObjectKey.Of(account!), null, Cancel);
        await TestCluster.UntilAsync(() => RootAsync(cluster, "team"), again => again is not null && again.Metadata.Uid != map.Metadata.Uid, "the certificate again");
        await TestCluster.UntilAsync(
            () => cluster.Client.FindAsync(ApiResources.ServiceAccounts, "team", "default", Cancel), again => again is not null, "the account again");

        var spoilt = new JsonObject { ["data"] = new JsonObject { ["ca.crt"] = "other" } };
        await TestCluster.WriteAsync(() => cluster.Client.PatchAsync(ApiResources.ConfigMaps, new ObjectKey("team", "kube-root-ca.crt"), Patch.Merge(spoilt), null, Cancel));
        await TestCluster.UntilAsync(() => RootAsync(cluster, "team"), mended => mended?.Data["ca.crt"] == "PEM", "the certificate mended");
    }

    [Fact]
    public async Task Namespace_Deleted_TakesEverythingAlong()
    {
        await using var cluster = await TestCluster.StartAsync(new ControllerOptions { RootCertificate = "PEM" });
        await cluster.Client.CreateAsync(ApiResources.Namespaces, new V1Namespace { Metadata = new V1ObjectMeta { Name = "team" } }, Cancel);
        await TestCluster.UntilAsync(() => RootAsync(cluster, "team"), map => map is not null, "the certificate");
        var rc = TestCluster.Kubia();
        rc.Metadata.NamespaceProperty = "team";
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, rc, Cancel);
        await TestCluster.UntilAsync(() => cluster.PodsAsync("team"), pods => pods.Count(TestCluster.IsReady) == 3, "three pods");
        await cluster.Client.DeleteAsync(ApiResources.Namespaces, new ObjectKey("", "team"), null, Cancel);
        await TestCluster.UntilAsync(() => cluster.Client.FindAsync(ApiResources.Namespaces, null, "team", Cancel), ns => ns is null, "the namespace gone");
        Assert.Empty(await cluster.PodsAsync("team"));
        Assert.Null(await cluster.Client.FindAsync(ApiResources.ReplicationControllers, "team", "kubia", Cancel));
    }

    [Theory]
    [InlineData("Background", 0)]
    [InlineData("Foreground", 0)]
    [InlineData("Orphan", 3)]
    public async Task ReplicationController_Deleted_ByPolicy(string policy, int left)
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(), Cancel);
        await cluster.UntilPodsAsync(pods => pods.Count(TestCluster.IsReady) == 3, "three pods");
        await cluster.Client.DeleteAsync(ApiResources.ReplicationControllers, new ObjectKey("default", "kubia"), new V1DeleteOptions { PropagationPolicy = policy }, Cancel);
        await TestCluster.UntilAsync(() => cluster.Client.FindAsync(ApiResources.ReplicationControllers, "default", "kubia", Cancel), rc => rc is null, "the rc gone");
        var pods = await cluster.UntilPodsAsync(pods => pods.Count == left, $"{left} pods");
        Assert.All(pods, pod => Assert.Empty(pod.Metadata.OwnerReferences ?? []));
    }

    [Fact]
    public async Task Nodes_GetDistinctNetworks()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 4);
        var nodes = await TestCluster.UntilAsync(
            async () => (await cluster.Client.ListAsync(ApiResources.Nodes, null, ListOptions.All, Cancel)).Items, nodes => nodes.All(node => node.Spec?.PodCIDR is not null), "networks");
        Assert.Equal(["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24"], nodes.Select(node => node.Spec.PodCIDR).Order());
        Assert.All(nodes, node => Assert.Equal([node.Spec.PodCIDR], node.Spec.PodCIDRs));
    }

    [Fact]
    public async Task Node_Silent_IsTaintedAndItsPodsAreNotReady_UntilItReturns()
    {
        await using var cluster = await TestCluster.StartAsync(new ControllerOptions
        {
            NodeMonitorGracePeriod = TimeSpan.FromMilliseconds(800),
            NodeMonitorPeriod = TimeSpan.FromMilliseconds(100),
        });
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(1), Cancel);
        await cluster.UntilPodsAsync(pods => pods.Count == 1 && TestCluster.IsReady(pods[0]), "a ready pod");
        var node = await UntilNodeAsync(cluster, node => node.Spec.Taints is { Count: 2 });
        Assert.Equal("Unknown", node.Status.Conditions.First(condition => condition.Type == "Ready").Status);
        Assert.All(node.Spec.Taints, taint => Assert.Equal("node.kubernetes.io/unreachable", taint.Key));
        await cluster.UntilPodsAsync(pods => !pods.Any(TestCluster.IsReady), "no ready pod");
        await cluster.PatchNodeAsync("node-1", "True");
        await UntilNodeAsync(cluster, node => node.Spec.Taints is null or { Count: 0 });
    }

    [Fact]
    public async Task Node_Gone_LosesItsPods()
    {
        await using var cluster = await TestCluster.StartAsync(new ControllerOptions { PodGcQuarantine = TimeSpan.Zero }, runPods: false);
        await cluster.Client.CreateAsync(ApiResources.Pods, Pod("alone"), Cancel);
        await cluster.UntilPodsAsync(pods => pods[0].Spec.NodeName == "node-1", "bound");
        await cluster.Client.DeleteAsync(ApiResources.Nodes, new ObjectKey("", "node-1"), null, Cancel);
        await cluster.UntilPodsAsync(pods => pods.Count == 0, "no pod");
    }

    [Fact]
    public async Task Scheduler_Burst_IsBoundSpread_AndSaysSo()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 3, runPods: false);
        await cluster.Client.CreateAsync(ApiResources.ReplicationControllers, TestCluster.Kubia(9), Cancel);
        var pods = await cluster.UntilPodsAsync(pods => pods.Count(pod => pod.Spec.NodeName is not null) == 9, "nine bound pods");
        Assert.Equal([3, 3, 3], pods.CountBy(pod => pod.Spec.NodeName).Select(count => count.Value));
        var events = await TestCluster.UntilAsync(() => cluster.EventsAsync("Scheduled"), events => events.Count == 9, "nine events");
        Assert.Equal(pods.Select(pod => $"Successfully assigned default/{pod.Metadata.Name} to {pod.Spec.NodeName}").Order(), events.Order());
    }

    [Fact]
    public async Task Scheduler_NoFit_ExplainsAndTriesAgainWhenANodeComes()
    {
        await using var cluster = await TestCluster.StartAsync(nodes: 1, runPods: false);
        var pod = Pod("big");
        pod.Spec.NodeSelector = new Dictionary<string, string> { ["disk"] = "ssd" };
        await cluster.Client.CreateAsync(ApiResources.Pods, pod, Cancel);
        var pods = await cluster.UntilPodsAsync(pods => pods[0].Status?.Conditions?.Any(c => c is { Type: "PodScheduled", Status: "False" }) == true, "a condition");
        var condition = pods[0].Status.Conditions.Single(c => c.Type == "PodScheduled");
        Assert.Equal("Unschedulable", condition.Reason);
        Assert.StartsWith("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", condition.Message, StringComparison.Ordinal);
        await TestCluster.UntilAsync(() => cluster.EventsAsync("FailedScheduling"), events => events.Contains(condition.Message), "an event");
        var label = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["disk"] = "ssd" } } };
        await TestCluster.WriteAsync(() => cluster.Client.PatchAsync(ApiResources.Nodes, new ObjectKey("", "node-1"), Patch.Merge(label), null, Cancel));
        await cluster.UntilPodsAsync(pods => pods[0].Spec.NodeName == "node-1", "bound");
    }

    private static V1Pod Pod(string name) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default" },
        Spec = new V1PodSpec { Containers = [new V1Container { Name = "c", Image = "fairlead/host" }] },
    };

    private static Task<V1Node> UntilNodeAsync(TestCluster cluster, Func<V1Node, bool> holds) =>
        TestCluster.UntilAsync(() => cluster.Client.GetAsync(ApiResources.Nodes, null, "node-1", Cancel), node => node.Spec is not null && holds(node), "the node");
}
