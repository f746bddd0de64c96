using Xunit;

namespace Fairlead.System;

/// <summary>Nodes that come and go, zones, and addresses that move between nodes.</summary>
public sealed class SeveralNodesTests
{
    [Fact]
    public async Task NodesAndAddresses_NodeStopsComesBackAndIsDrained_TheAddressIsServedThroughout()
    {
        await using var own = new OwnCluster("nodes");
        await own.UpAsync("--nodes", "2", "--zones", "a,b");
        await NodeAsync(own, "add", "extra", "--zone", "c");
        Assert.Equal(["a", "b", "c"], (await own.Kubectl.WordsAsync("nodes", "{.items[*].metadata.labels.topology\\.kubernetes\\.io/zone}")).Order());

        await own.Kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-loadbalancer/");
        await own.Kubectl.WaitForReadyAsync("kubia", 3);
        var address = await Until.AsyncHolds(
            () => own.Kubectl.RunAsync("get", "svc", "kubia-loadbalancer", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"), ip => ip.Length > 0, "an external address");
        await AnswersAsync(address);

        // The announcing node loses its power: another answers for the address.
        var first = await HolderAsync(own, address);
        await NodeAsync(own, "stop", first);
        var second = await Until.AsyncHolds(() => HolderAsync(own, address), holder => holder.Length > 0 && holder != first, "another node holds the address");
        await AnswersAsync(address);

        // Cordoned, it goes on; excluded, it hands over at once.
        await own.Kubectl.RunAsync("cordon", second);
        await AnswersAsync(address);
        Assert.Equal(second, await HolderAsync(own, address));
        await own.Kubectl.RunAsync("label", "node", second, "node.kubernetes.io/exclude-from-external-load-balancers=");
        await Until.AsyncHolds(() => HolderAsync(own, address), holder => holder.Length > 0 && holder != second, "the excluded node hands over");
        await AnswersAsync(address);

        await NodeAsync(own, "start", first);
        await NodeAsync(own, "remove", "extra");
        Assert.Equal(["node1", "node2"], (await own.Kubectl.WordsAsync("nodes", "{.items[*].metadata.name}")).Order());
    }

    [Fact]
    public async Task TrafficDistribution_PreferSameZone_ClientMeetsItsOwnZone()
    {
        await using var own = new OwnCluster("zones");
        await own.UpAsync("--nodes", "2", "--zones", "a,b");
        await own.Kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await own.Kubectl.RunAsync("expose", "rc", "kubia", "--name=near", "--port=80", "--target-port=8080");
        await own.Kubectl.RunAsync("patch", "svc", "near", "-p", "{\"spec\":{\"trafficDistribution\":\"PreferSameZone\"}}");
        await own.Kubectl.WaitForServingAsync("kubia", 3);
        await own.Kubectl.WaitForEndpointsAsync("near", 3);
        var service = await own.Kubectl.ClusterIpAsync("near");
        var placed = (await own.Kubectl.RunAsync("get", "pods", "-l", "app=kubia", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName}{\"\\n\"}{end}"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).ToDictionary(words => words[0], words => words[1]);
        var client = placed.Keys.Order().First();
        var near = placed.Where(pair => pair.Value == placed[client]).Select(pair => pair.Key).Order().ToArray();

        var seen = await Until.AsyncHolds(
            async () =>
            {
                var hit = new SortedSet<string>(StringComparer.Ordinal);
                for (var i = 0; i < 12; i++)
                {
                    var answer = await own.Kubectl.CurlAsync(client, $"http://{service}/");
                    Assert.True(answer.Output.StartsWith("You've hit kubia-", StringComparison.Ordinal), $"{answer}");
                    hit.Add(answer.Output.Trim()["You've hit ".Length..]);
                }
                return hit;
            },
            hit => hit.IsSubsetOf(near), "only pods of the client's zone");

        Assert.NotEmpty(seen);
    }

    [Fact]
    public async Task SourceRangesAndHealthCheckPort_OfALocalService_AreServed()
    {
        await using var own = new OwnCluster("ranges");
        await own.UpAsync();
        await own.Kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-loadbalancer/");
        await own.Kubectl.RunAsync("patch", "svc", "kubia-loadbalancer", "-p", "{\"spec\":{\"externalTrafficPolicy\":\"Local\"}}");
        await own.Kubectl.WaitForEndpointsAsync("kubia-loadbalancer", 3);
        var node = await own.Kubectl.RunAsync("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}");
        var port = await own.Kubectl.RunAsync("get", "svc", "kubia-loadbalancer", "-o", "jsonpath={.spec.healthCheckNodePort}");

        var health = await Until.AsyncHolds(() => CurlAsync("-i", $"http://{node}:{port}/"), result => result.Output.Contains("200 OK", StringComparison.Ordinal), "the health check says yes");
        Assert.Contains("X-Load-Balancing-Endpoint-Weight: 3", health.Output, StringComparison.Ordinal);
        Assert.Contains("\"localEndpoints\": 3", health.Output, StringComparison.Ordinal);

        var address = await own.Kubectl.RunAsync("get", "svc", "kubia-loadbalancer", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}");
        await AnswersAsync(address);
        await own.Kubectl.RunAsync("patch", "svc", "kubia-loadbalancer", "-p", "{\"spec\":{\"loadBalancerSourceRanges\":[\"203.0.113.0/24\"]}}");
        const int TimedOut = 28;
        await Until.AsyncHolds(() => CurlAsync($"http://{address}/"), result => result.Code == TimedOut, "who is not in the ranges hangs");
        await own.Kubectl.RunAsync("scale", "rc", "kubia", "--replicas=0");
        await Until.AsyncHolds(() => CurlAsync("-i", $"http://{node}:{port}/"), result => result.Output.Contains("503", StringComparison.Ordinal), "the health check says no");
    }

    [Fact]
    public async Task KeepAlive_OneConnection_KeepsItsPodWhileNewOnesSpread()
    {
        await using var own = new OwnCluster("keep");
        await own.UpAsync();
        await own.Kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-nodeport/");
        await own.Kubectl.WaitForServingAsync("kubia", 3);
        await own.Kubectl.WaitForEndpointsAsync("kubia-nodeport", 3);
        var node = await own.Kubectl.RunAsync("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}");
        await Until.AsyncHolds(() => CurlAsync($"http://{node}:30123/"), result => result.Code == 0, "the node port answers");

        // curl uses one connection for all the addresses that it is given; the bracket makes thirty of one.
        var kept = (await CurlAsync($"http://{node}:30123/?[1-30]")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var fresh = new HashSet<string>();
        for (var i = 0; i < 30; i++) fresh.Add((await CurlAsync($"http://{node}:30123/")).Output);

        Assert.Equal(30, kept.Length);
        Assert.Single(kept.Distinct());
        Assert.Equal(3, fresh.Count);
    }

    private static Task<CommandResult> NodeAsync(OwnCluster own, string verb, string node, params string[] more) =>
        Command.RunAsync(Command.Fairlead, ["node", verb, node, "--name", own.Name, .. more]);

    /// <summary>Empty while nobody holds it.</summary>
    private static Task<string> HolderAsync(OwnCluster own, string address) =>
        own.Kubectl.RunAsync("get", "lease", $"fairlead-lb-address-{address.Replace('.', '-')}", "-n", "kube-system", "--ignore-not-found", "-o", "jsonpath={.spec.holderIdentity}");

    private static Task<CommandResult> AnswersAsync(string address) =>
        Until.AsyncHolds(() => CurlAsync($"http://{address}/"), result => result.Output.StartsWith("You've hit kubia-", StringComparison.Ordinal), $"{address} answers");

    private static Task<CommandResult> CurlAsync(params string[] arguments) => Command.TryAsync("curl", ["-s", "--max-time", "2", .. arguments]);
}
