using Xunit;

namespace Fairlead.System;

/// <summary>Two nodes: daemons on each, a drain, a taint that drives pods out, and the server's own objects.</summary>
public sealed class NodeTests : IAsyncLifetime
{
    private readonly OwnCluster _cluster = new("nodes");

    public async ValueTask InitializeAsync() => await _cluster.UpAsync("--nodes", "2");

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task DaemonSet_RunsOnEveryNodeThatFits_AndDrainMovesTheRest()
    {
        var kubectl = _cluster.Kubectl;
        await kubectl.RunAsync("apply", "-f", "examples/daemonset/", "-f", "examples/deployment/");
        await kubectl.RunAsync("rollout", "status", "daemonset/agent", "--timeout=60s");
        await kubectl.RunAsync("rollout", "status", "deployment/web", "--timeout=60s");
        Assert.Equal(["node1", "node2"], await NodesOfAsync(kubectl, "agent"));
        Assert.Equal(["node1", "node2"], (await NodesOfAsync(kubectl, "web")).Distinct());

        await kubectl.RunAsync("set", "env", "daemonset/agent", "VERSION=2");
        await kubectl.RunAsync("rollout", "status", "daemonset/agent", "--timeout=60s");
        Assert.Equal(["2", "2"], await kubectl.WordsAsync("pods", "{.items[*].spec.containers[0].env[0].value}", "-l", "app=agent"));

        await kubectl.RunAsync("drain", "node2", "--ignore-daemonsets", "--timeout=60s");
        await Until.AsyncHolds(() => NodesOfAsync(kubectl, "web"), nodes => nodes is ["node1", "node1", "node1"], "all of web on node1");
        Assert.Equal(["node1", "node2"], await NodesOfAsync(kubectl, "agent"));
        await kubectl.RunAsync("uncordon", "node2");

        await kubectl.RunAsync("taint", "node", "node2", "broken=yes:NoExecute");
        await Until.AsyncHolds(() => NodesOfAsync(kubectl, "agent"), nodes => nodes is ["node1"], "the agent off node2");
        await kubectl.RunAsync("taint", "node", "node2", "broken-");
        await Until.AsyncHolds(() => NodesOfAsync(kubectl, "agent"), nodes => nodes is ["node1", "node2"], "the agent back on node2");
    }

    [Fact]
    public async Task DefaultObjects_Deleted_ComeBack()
    {
        var kubectl = _cluster.Kubectl;
        var address = await kubectl.ClusterIpAsync("kubernetes");
        await kubectl.RunAsync("delete", "service/kubernetes", "endpoints/kubernetes", "endpointslice/kubernetes", "serviceaccount/default", "configmap/kube-root-ca.crt");
        await kubectl.RunAsync("wait", "--for=create", "service/kubernetes", "endpoints/kubernetes", "endpointslice/kubernetes", "serviceaccount/default", "configmap/kube-root-ca.crt", "--timeout=60s");
        Assert.Equal(address, await kubectl.ClusterIpAsync("kubernetes"));
        Assert.Contains("this namespace may not be deleted", (await kubectl.TryAsync(["delete", "namespace", "default"])).Error, StringComparison.Ordinal);
    }

    /// <summary>Nodes of the ready pods of an application, in order.</summary>
    private static async Task<string[]> NodesOfAsync(Kubectl kubectl, string app)
    {
        var pods = await kubectl.ReadyPodsAsync(app);
        if (pods.Length == 0) return [];
        var nodes = await Task.WhenAll(pods.Select(pod => kubectl.TryAsync(["get", "pod", pod, "-o", "jsonpath={.spec.nodeName}"])));
        return [.. nodes.Select(node => node.Output).Order()];
    }
}
