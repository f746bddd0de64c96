using Xunit;

namespace Fairlead.System;

/// <summary>Names of services, asked for from inside a pod.</summary>
public sealed class DnsTests(Cluster cluster)
{
    private const string ClusterDns = "10.96.0.10";

    [Fact]
    public async Task ServiceName_ShortAndFull_ReachesAPod()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);

        foreach (var name in new[] { "kubia", $"kubia.{kubectl.Namespace}", $"kubia.{kubectl.Namespace}.svc", $"kubia.{kubectl.Namespace}.svc.cluster.local", $"KUBIA.{kubectl.Namespace}.svc.cluster.local." })
        {
            var answer = await kubectl.CurlAsync(pods[0], $"http://{name}");
            Assert.True(answer.Output.StartsWith("You've hit kubia-", StringComparison.Ordinal), $"{name}: {answer.Code} {answer.Error}");
        }
        const int CouldNotResolve = 6;
        Assert.Equal(CouldNotResolve, (await kubectl.CurlAsync(pods[0], "http://nobody")).Code);
    }

    [Fact]
    public async Task ServiceCreatedAndDeleted_NoAnswerOutlivesIt()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var pod = await PodAsync(kubectl);
        var name = $"late.{kubectl.Namespace}.svc.cluster.local";
        Assert.Contains("status: NXDOMAIN", await DigAsync(kubectl, pod, name), StringComparison.Ordinal);

        await kubectl.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: late }, spec: { ports: [ { port: 80 } ] } }");
        var address = await kubectl.ClusterIpAsync("late");
        await Until.AsyncHolds(() => DigAsync(kubectl, pod, name), answer => answer.Contains("status: NOERROR", StringComparison.Ordinal) && answer.Contains(address, StringComparison.Ordinal), "the service's address");
        await kubectl.RunAsync("delete", "service", "late");
        await Until.AsyncHolds(() => DigAsync(kubectl, pod, name), answer => answer.Contains("status: NXDOMAIN", StringComparison.Ordinal), "no such name");
    }

    [Fact]
    public async Task Headless_ResolvesToItsReadyPods()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-headless/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia-headless", 3);
        var addresses = await AddressesAsync(kubectl);

        await Until.AsyncHolds(() => ShortAsync(kubectl, pods[0], "kubia-headless"), answer => answer.SequenceEqual(addresses), "all three addresses");
        var answer = await kubectl.CurlAsync(pods[0], "http://kubia-headless:8080");
        Assert.StartsWith("You've hit kubia-", answer.Output, StringComparison.Ordinal);
        var dashed = $"{addresses[0].Replace('.', '-')}.kubia-headless.{kubectl.Namespace}.svc.cluster.local.";
        Assert.Equal([addresses[0]], await ShortAsync(kubectl, pods[0], dashed));
        Assert.Equal([dashed], await ShortAsync(kubectl, pods[0], "-x", addresses[0]));

        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=1");
        await kubectl.WaitForEndpointsAsync("kubia-headless", 1);
        var left = await kubectl.EndpointPodsAsync("kubia-headless");
        await Until.AsyncHolds(() => ShortAsync(kubectl, left[0], "kubia-headless"), answer => answer.Length == 1, "one address");
        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=0");
    }

    [Fact]
    public async Task ExternalName_IsAnAlias()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/external-name/");
        await kubectl.ApplyAsync(
            $"{{ apiVersion: v1, kind: Service, metadata: {{ name: alias }}, spec: {{ type: ExternalName, externalName: kubia.{kubectl.Namespace}.svc.cluster.local }} }}");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);

        Assert.Equal(["someapi.somecompany.com."], await ShortAsync(kubectl, pods[0], "external-service", "CNAME"));
        Assert.Contains("someapi.somecompany.com.", await DigAsync(kubectl, pods[0], $"external-service.{kubectl.Namespace}.svc.cluster.local"), StringComparison.Ordinal);
        Assert.Equal(new[] { $"kubia.{kubectl.Namespace}.svc.cluster.local.", await kubectl.ClusterIpAsync("kubia") }.Order(), await ShortAsync(kubectl, pods[0], "alias"));
        Assert.StartsWith("You've hit kubia-", (await kubectl.CurlAsync(pods[0], "http://alias")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NamedPort_HasAServiceRecordOverUdpAndTcp()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var pod = await PodAsync(kubectl);

        foreach (var transport in new[] { "+notcp", "+tcp" })
        {
            Assert.Equal(["0 100 443 kubernetes.default.svc.cluster.local."], await ShortAsync(kubectl, pod, transport, "_https._tcp.kubernetes.default.svc.cluster.local.", "SRV"));
            Assert.Equal(["kubernetes.default.svc.cluster.local."], await ShortAsync(kubectl, pod, transport, "-x", "10.96.0.1"));
            Assert.Equal(["\"1.1.0\""], await ShortAsync(kubectl, pod, transport, "dns-version.cluster.local.", "TXT"));
        }
    }

    [Fact]
    public async Task DnsService_HasEachNodesEndpoint()
    {
        await using var kubectl = await cluster.NamespaceAsync();

        var slice = await Until.AsyncHolds(
            () => kubectl.TryAsync(["get", "endpointslice", "kube-dns-node1", "-n", "kube-system", "-o", "jsonpath={.endpoints[*].nodeName} {.endpoints[*].conditions.ready} {.metadata.ownerReferences[*].kind}"]),
            found => found.Output == "node1 true Node", "the DNS endpoint of node1");
        Assert.Equal(0, slice.Code);
        Assert.Equal(ClusterDns, await kubectl.RunAsync("get", "service", "kube-dns", "-n", "kube-system", "-o", "jsonpath={.spec.clusterIP}"));
        await kubectl.RunAsync("delete", "endpointslice", "kube-dns-node1", "-n", "kube-system");
        await Until.AsyncHolds(() => kubectl.TryAsync(["get", "endpointslice", "kube-dns-node1", "-n", "kube-system"]), found => found.Code == 0, "the endpoint comes back");
    }

    private static async Task<string> PodAsync(Kubectl kubectl)
    {
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        return (await kubectl.WaitForReadyAsync("kubia", 3))[0];
    }

    private static Task<string> DigAsync(Kubectl kubectl, string pod, params string[] arguments) =>
        kubectl.RunAsync(["exec", pod, "--", "dig", "+tries=1", "+time=5", .. arguments]);

    private static async Task<string[]> ShortAsync(Kubectl kubectl, string pod, params string[] arguments) =>
        [.. (await DigAsync(kubectl, pod, ["+search", "+short", .. arguments])).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order()];

    private static async Task<string[]> AddressesAsync(Kubectl kubectl) =>
        [.. (await kubectl.WordsAsync("pods", "{.items[*].status.podIP}", "-l", "app=kubia")).Order()];
}
