using System.Net;
using Xunit;

namespace Fairlead.System;

/// <summary>A server with a range of cluster IPs of each address family, and a proxy: Services are reached by both.</summary>
public sealed class DualStackTests
{
    private const string Service = """
        { apiVersion: v1, kind: Service, metadata: { name: both }, spec: { ipFamilyPolicy: RequireDualStack, ports: [ { port: 80, targetPort: 8080 } ] } }
        """;

    [Fact]
    public async Task Service_OfBothFamilies_IsReachedByBoth_AndGivesTheSecondBack()
    {
        await using var machines = new Machines();
        await machines.StartServerAsync("--service-cluster-ip-range", "10.96.0.0/16,fd00:96::/108", "--cluster-cidr", "10.244.0.0/16,fd00:244::/56");
        await machines.OnAsync("server", "ip", "addr", "add", "fd00:1::1/64", "dev", "eth0", "nodad");
        await machines.OnAsync("server", "ip", "-6", "route", "add", "default", "via", "fd00:1::fe", "dev", "eth0");
        machines.StartCommand("server", "echo", "--port", "8080");
        machines.StartCommand("server", "proxy", "--kubeconfig", machines.Kubeconfig, "--hostname-override", "server");
        var own = IPAddress.Parse(new Uri(machines.Server).Host);
        await machines.ApplyAsync($"{Service}\n---\n{Slice("IPv4", own)}\n---\n{Slice("IPv6", IPAddress.Parse("fd00:1::1"))}");
        var addresses = (await machines.KubectlAsync("get", "service", "both", "-o", "jsonpath={.spec.clusterIPs[*]}")).Split(' ');

        Assert.StartsWith("10.96.", addresses[0], StringComparison.Ordinal);
        Assert.StartsWith("fd00:96::", addresses[1], StringComparison.Ordinal);
        await AnswersAsync(machines, $"http://{addresses[0]}/");
        await AnswersAsync(machines, $"http://[{addresses[1]}]/");
        var described = await machines.KubectlAsync("describe", "service", "both");
        Assert.Matches(@"IP Family Policy: +RequireDualStack", described);
        Assert.Matches(@"IP Families: +IPv4,IPv6", described);
        Assert.Matches($@"IPs: +{addresses[0]},{addresses[1]}", described);

        await machines.KubectlAsync("patch", "service", "both", "-p", "{\"spec\":{\"ipFamilyPolicy\":\"SingleStack\"}}");

        Assert.Equal(addresses[0], await machines.KubectlAsync("get", "service", "both", "-o", "jsonpath={.spec.clusterIPs[*]}"));
        await Until.AsyncHolds(() => CurlAsync(machines, $"http://[{addresses[1]}]/"), answer => answer.Code == Kubectl.CouldNotConnect, "the second address is nobody's");
        await AnswersAsync(machines, $"http://{addresses[0]}/");
    }

    private static string Slice(string family, IPAddress address) =>
        $"{{ apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{ name: both-{family.ToLowerInvariant()}, labels: {{ kubernetes.io/service-name: both }} }}, addressType: {family}, ports: [ {{ port: 8080 }} ], endpoints: [ {{ addresses: [ \"{address}\" ] }} ] }}";

    private static Task<CommandResult> AnswersAsync(Machines machines, string url) =>
        Until.AsyncHolds(() => CurlAsync(machines, url), answer => answer.Output.StartsWith("You've hit ", StringComparison.Ordinal), $"{url} answers");

    private static Task<CommandResult> CurlAsync(Machines machines, string url) => machines.TryOnAsync("server", "curl", "-s", "-g", "--max-time", "2", url);
}
