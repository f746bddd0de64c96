using Xunit;

namespace Fairlead.System;

/// <summary>What the load balancer promises, seen from inside a pod.</summary>
public sealed class ServiceTests(Cluster cluster)
{
    [Fact]
    public async Task NamedPorts_OfOneService_EachReachTheirTarget()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia-ports/");
        var pods = await kubectl.WaitForReadyAsync("kubia-ports", 2);
        await Until.AsyncHolds(() => kubectl.EndpointPodsAsync("kubia-ports"), found => found.Distinct().Count() == 2, "two endpoints");
        var address = await kubectl.ClusterIpAsync("kubia-ports");

        Assert.StartsWith("You've hit kubia-ports-", (await kubectl.CurlAsync(pods[0], $"http://{address}:80/")).Output, StringComparison.Ordinal);
        Assert.StartsWith("kubia-ports-", await BashAsync(kubectl, pods[0], $"exec 3<>/dev/tcp/{address}/443; echo hello >&3; head -n 1 <&3"), StringComparison.Ordinal);
        Assert.StartsWith("kubia-ports-", await BashAsync(kubectl, pods[0], $"exec 3<>/dev/udp/{address}/53; echo hello >&3; head -n 1 <&3"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SessionAffinity_ClientIp_KeepsOneClientOnOnePod()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/kubia-affinity/");
        var pods = await kubectl.WaitForServingAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia-affinity", 3);
        var address = await kubectl.ClusterIpAsync("kubia-affinity");

        foreach (var client in pods)
        {
            var answers = await BashAsync(kubectl, client, $"for i in $(seq 12); do curl -s http://{address}/; done");
            Assert.Single(answers.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct());
        }
    }

    [Fact]
    public async Task ServiceCidr_AddedAndDeleted_ServesItsAddressesUntilTheLastIsGone()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("{ apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: { name: documentation }, spec: { cidrs: [ 203.0.113.0/24 ] } }");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "servicecidr/documentation", "--timeout=60s");
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: far }, spec: { clusterIP: 203.0.113.10, ports: [ { port: 80, targetPort: 8080 } ], selector: { app: kubia } } }");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("far", 3);

        Assert.StartsWith("You've hit kubia-", (await kubectl.CurlAsync(pods[0], "http://203.0.113.10/")).Output, StringComparison.Ordinal);
        var parent = await Until.AsyncHolds(
            () => kubectl.RunAsync("get", "ipaddress", "203.0.113.10", "--ignore-not-found", "-o", "jsonpath={.spec.parentRef.resource}/{.spec.parentRef.name}"), text => text.Length > 0, "the address is shown");
        Assert.Equal("services/far", parent);

        await kubectl.RunAsync("delete", "servicecidr", "documentation", "--wait=false");
        Assert.StartsWith("You've hit kubia-", (await kubectl.CurlAsync(pods[0], "http://203.0.113.10/")).Output, StringComparison.Ordinal);
        await kubectl.RunAsync("delete", "svc", "far");
        await kubectl.RunAsync("wait", "--for=delete", "servicecidr/documentation", "--timeout=60s");
    }

    [Fact]
    public async Task Service_WithoutEndpoints_RefusesInsteadOfHanging()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: nobody }, spec: { ports: [ { port: 80 } ], selector: { app: nobody } } }");
        var address = await kubectl.ClusterIpAsync("nobody");

        await kubectl.RefusedAsync(pods[0], $"http://{address}/");
    }

    [Fact]
    public async Task ClusterIp_OtherPort_Refuses()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);
        var address = await kubectl.ClusterIpAsync("kubia");

        // The target port is not the service's port.
        await kubectl.RefusedAsync(pods[0], $"http://{address}:8080/");
    }

    [Fact]
    public async Task ManualEndpoints_ServiceWithoutSelector_LeadsThere()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/", "-f", "examples/manual-endpoints/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        Assert.Matches(@"external-service\s+11\.11\.11\.11:80,22\.22\.22\.22:80", await kubectl.RunAsync("get", "endpoints", "external-service"));
        await Until.AsyncHolds(
            () => kubectl.WordsAsync("endpointslices", "{.items[*].endpoints[*].addresses[0]}", "-l", "kubernetes.io/service-name=external-service"),
            found => found.Order().SequenceEqual(["11.11.11.11", "22.22.22.22"]), "the slice that mirrors the endpoints");

        // An address that the service's maker knows and no selector finds.
        var known = await kubectl.RunAsync("get", "pod", pods[1], "-o", "jsonpath={.status.podIP}");
        await kubectl.RunAsync("patch", "endpoints", "external-service", "-p", $"{{\"subsets\":[{{\"addresses\":[{{\"ip\":\"{known}\"}}],\"ports\":[{{\"port\":8080}}]}}]}}");
        var address = await kubectl.ClusterIpAsync("external-service");

        await Until.AsyncHolds(() => kubectl.CurlAsync(pods[0], $"http://{address}/"), answer => answer.Output == $"You've hit {pods[1]}\n", "the service leads to the address");
    }

    [Fact]
    public async Task Hairpin_PodReachesItselfThroughItsService()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=1");
        await Until.AsyncHolds(() => kubectl.EndpointPodsAsync("kubia"), found => found.Length == 1, "one endpoint");
        var pods = await kubectl.WaitForReadyAsync("kubia", 1);
        var address = await kubectl.ClusterIpAsync("kubia");

        var answer = await kubectl.CurlAsync(pods[0], $"http://{address}/");

        Assert.Equal($"You've hit {pods[0]}\n", answer.Output);
    }

    [Fact]
    public async Task ApiServer_FromPod_AnswersAtItsClusterIp()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);

        var answer = await kubectl.CurlAsync(pods[0], "-k", "https://10.96.0.1/version");

        Assert.Contains("\"gitVersion\":\"v1.36", answer.Output.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static Task<string> BashAsync(Kubectl kubectl, string pod, string script) =>
        kubectl.RunAsync("exec", pod, "--", "bash", "-c", $"timeout 10 bash -c '{script}'");
}
