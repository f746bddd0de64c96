using System.Net;
using Xunit;

namespace Fairlead.System;

/// <summary>A server with a range of cluster IPs of each address family, and proxies: Services are reached by both, from outside too.</summary>
public sealed class DualStackTests
{
    private const string Service = """
        { apiVersion: v1, kind: Service, metadata: { name: both }, spec: { ipFamilyPolicy: RequireDualStack, ports: [ { port: 80, targetPort: 8080 } ] } }
        """;

    private static readonly string[] Ranges = ["--service-cluster-ip-range", "10.96.0.0/16,fd00:96::/108", "--cluster-cidr", "10.244.0.0/16,fd00:244::/56"];

    [Fact]
    public async Task Service_OfBothFamilies_IsReachedByBoth_AndGivesTheSecondBack()
    {
        await using var machines = new Machines();
        await machines.StartServerAsync(Ranges);
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

    /// <summary>Two nodes of a cluster that others made, with `fairlead proxy` and `fairlead loadbalancer`, and a neighbour of theirs.</summary>
    [Fact]
    public async Task LoadBalancer_OfBothFamilies_IsReachedByANeighbour_AlsoAfterItsNodeDied()
    {
        string[] nodes = ["n1", "n2"];
        await using var machines = new Machines();
        await machines.StartServerAsync(Ranges);
        await machines.AddMachineAsync("client", 100);
        await machines.OnAsync("client", "ip", "addr", "add", "fd00:1::100/64", "dev", "eth0", "nodad");
        for (var number = 2; number <= 3; number++) await StartNodeAsync(machines, $"n{number - 1}", number);
        await machines.ApplyAsync($"""
            {"{ apiVersion: v1, kind: Service, metadata: { name: both }, spec: { type: LoadBalancer, ipFamilyPolicy: RequireDualStack, ports: [ { port: 80, targetPort: 8080 } ] } }"}
            ---
            {Slice("IPv4", IPAddress.Parse(machines.Address(2)))}
            ---
            {Slice("IPv6", IPAddress.Parse("fd00:1::2"))}
            """);

        var addresses = await Until.AsyncHolds(
            () => machines.KubectlAsync("get", "service", "both", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"), text => text.Length > 0, "the service has its addresses");
        Assert.Equal($"{machines.Address(200)} fd00:1::200", addresses);
        var urls = new[] { $"http://{machines.Address(200)}/", "http://[fd00:1::200]/" };
        foreach (var url in urls) await AnswersAsync(machines, url, "client");

        var holder = await HolderAsync(machines);
        await machines.StopAsync(holder);

        await Until.AsyncHolds(() => machines.OnAsync(holder, "ip", "-6", "addr"), text => !text.Contains("fd00:1::200", StringComparison.Ordinal), "the kernel of the dead one has let go");
        await Until.AsyncHolds(() => HolderAsync(machines), name => name == nodes.Single(node => node != holder), "the other holds the address");
        // The client's neighbour table had the dead one.
        foreach (var url in urls) await AnswersAsync(machines, url, "client");
    }

    private static async Task StartNodeAsync(Machines machines, string name, int number)
    {
        await machines.AddMachineAsync(name, number);
        await machines.OnAsync(name, "ip", "addr", "add", $"fd00:1::{number}/64", "dev", "eth0", "nodad");
        await machines.OnAsync(name, "ip", "-6", "route", "add", "default", "via", "fd00:1::fe", "dev", "eth0");
        await machines.OnAsync(name, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
        await machines.ApplyAsync($"{{ apiVersion: v1, kind: Node, metadata: {{ name: {name} }} }}");
        await machines.KubectlAsync("patch", "node", name, "--subresource=status", "-p", "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
        machines.StartCommand(name, "echo", "--port", "8080");
        machines.StartCommand(name, "proxy", "--kubeconfig", machines.Kubeconfig, "--hostname-override", name);
        machines.StartCommand(
            name, "loadbalancer", "--kubeconfig", machines.Kubeconfig, "--hostname-override", name, "--node-ip", machines.Address(number),
            "--addresses", $"{machines.Address(200)}-{machines.Address(210)},fd00:1::200-fd00:1::210");
    }

    private static Task<string> HolderAsync(Machines machines) =>
        machines.KubectlAsync("get", "lease", "-n", "kube-system", $"fairlead-lb-address-{Convert.ToHexStringLower(IPAddress.Parse("fd00:1::200").GetAddressBytes())}", "-o", "jsonpath={.spec.holderIdentity}");

    private static string Slice(string family, IPAddress address) =>
        $"{{ apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{ name: both-{family.ToLowerInvariant()}, labels: {{ kubernetes.io/service-name: both }} }}, addressType: {family}, ports: [ {{ port: 8080 }} ], endpoints: [ {{ addresses: [ \"{address}\" ] }} ] }}";

    private static Task<CommandResult> AnswersAsync(Machines machines, string url, string from = "server") =>
        Until.AsyncHolds(() => CurlAsync(machines, url, from), answer => answer.Output.StartsWith("You've hit ", StringComparison.Ordinal), $"{url} answers");

    private static Task<CommandResult> CurlAsync(Machines machines, string url, string from = "server") => machines.TryOnAsync(from, "curl", "-s", "-g", "--max-time", "2", url);
}
