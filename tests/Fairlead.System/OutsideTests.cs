using Xunit;

namespace Fairlead.System;

/// <summary>Clients outside of the cluster: the host, by node ports and load-balancer addresses.</summary>
public sealed class OutsideTests(Cluster cluster)
{
    private static readonly string[] NodeAddress = ["get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type==\"ExternalIP\")].address}"];

    [Fact]
    public async Task NodePort_FromHost_ReachesThePods()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-nodeport/");
        var pods = await kubectl.WaitForServingAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia-nodeport", 3);
        var node = await kubectl.RunAsync(NodeAddress);

        var fromHost = await CurlAsync($"http://{node}:30123/");
        var fromPod = await kubectl.CurlAsync(pods[0], $"http://{await kubectl.ClusterIpAsync("kubia-nodeport")}/");

        Assert.StartsWith("You've hit kubia-", fromHost.Output, StringComparison.Ordinal);
        Assert.StartsWith("You've hit kubia-", fromPod.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LoadBalancer_FromHost_HasAnAddressAtOnceAndAnswers()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.RunAsync("apply", "-f", "examples/kubia-loadbalancer/");

        var address = await ExternalAddressAsync(kubectl);
        await kubectl.WaitForEndpointsAsync("kubia-loadbalancer", 3);
        var answer = await Until.AsyncHolds(() => CurlAsync($"http://{address}/"), result => result.Code == 0, "the address answers");

        Assert.StartsWith("You've hit kubia-", answer.Output, StringComparison.Ordinal);
        Assert.Matches($@"kubia-loadbalancer\s+LoadBalancer\s+10\.96\.\d+\.\d+\s+{address}\s+80:3\d+/TCP", await kubectl.RunAsync("get", "svc"));
    }

    [Fact]
    public async Task ExternalTrafficPolicy_ClusterThenLocal_PodSeesTheNodeThenTheClient()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-loadbalancer/");
        await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia-loadbalancer", 3);
        var address = await ExternalAddressAsync(kubectl);
        var host = address[..address.LastIndexOf('.')] + ".1:";

        var masqueraded = await Until.AsyncHolds(() => CurlAsync($"http://{address}/clientip"), result => result.Code == 0, "the address answers");
        Assert.DoesNotContain(host, masqueraded.Output, StringComparison.Ordinal);

        await kubectl.RunAsync("patch", "svc", "kubia-loadbalancer", "-p", "{\"spec\":{\"externalTrafficPolicy\":\"Local\"}}");

        var seen = await Until.AsyncHolds(() => CurlAsync($"http://{address}/clientip"), result => result.Output.StartsWith(host, StringComparison.Ordinal), "the pod sees the client's own address");
        Assert.StartsWith(host, seen.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExternalTrafficPolicy_LocalWithoutPodOnTheNode_ClientHangs()
    {
        await using var own = new OwnCluster("local");
        await own.UpAsync("--nodes", "2");
        await own.Kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-nodeport/");
        await own.Kubectl.RunAsync("scale", "rc", "kubia", "--replicas=1");
        await own.Kubectl.RunAsync("patch", "svc", "kubia-nodeport", "-p", "{\"spec\":{\"externalTrafficPolicy\":\"Local\"}}");
        var left = await Until.AsyncHolds(() => own.Kubectl.EndpointPodsAsync("kubia-nodeport"), pods => pods.Length == 1, "one endpoint");
        var home = await own.Kubectl.RunAsync("get", "pod", left[0], "-o", "jsonpath={.status.hostIP}");
        var nodes = await own.Kubectl.WordsAsync("nodes", "{.items[*].status.addresses[?(@.type==\"InternalIP\")].address}");

        await Until.AsyncHolds(() => CurlAsync($"http://{home}:30123/"), result => result.Code == 0, "the node with the pod answers");

        // Once the pods that were scaled away have ended there, for until then they are that node's last resort.
        const int TimedOut = 28;
        await Until.AsyncHolds(() => CurlAsync($"http://{nodes.Single(node => node != home)}:30123/"), result => result.Code == TimedOut, "the node without a pod leaves its client hanging");
    }

    private static Task<CommandResult> CurlAsync(string url) => Command.TryAsync("curl", ["-s", "--max-time", "2", url]);

    private static Task<string> ExternalAddressAsync(Kubectl kubectl) => Until.AsyncHolds(
        () => kubectl.RunAsync("get", "svc", "kubia-loadbalancer", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"), address => address.Length > 0, "an external address");
}
