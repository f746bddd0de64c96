using Xunit;

namespace Fairlead.System;

/// <summary>Nodes that are no neighbours: a router between them knows their own addresses, and nothing of pods.</summary>
public sealed class VxlanTests
{
    private static readonly string[] Nodes = ["near", "beside", "far"];

    [Fact]
    public async Task PodsOfFarNodes_AreReached_AndSeeEachOthersAddresses()
    {
        await using var machines = new Machines();
        var printed = await machines.StartServerAsync();
        var join = Machines.JoinCommand(printed)[2..];
        var near = await machines.AddMachineAsync("near", 2);
        var beside = await machines.AddMachineAsync("beside", 3);
        var far = await machines.AddFarMachineAsync("far");
        foreach (var node in Nodes) machines.StartAgent(node, [.. join, "--vxlan", "cross-subnet"]);
        foreach (var node in Nodes) await machines.ApplyAsync(Pod(node));
        await machines.KubectlAsync("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s");
        foreach (var node in Nodes) await Until.AsyncHolds(() => machines.KubectlAsync("logs", $"on-{node}"), log => log.Contains(" serves ", StringComparison.Ordinal), "the pod serves");

        // Only what has to be wrapped is.
        var routes = await Until.AsyncHolds(() => machines.OnAsync("near", "ip", "route", "show", "proto", "199"), text => text.Trim().Split('\n').Length == 2, "routes to two nodes");
        Assert.Contains($"via {beside} dev eth0", routes, StringComparison.Ordinal);
        Assert.Matches($"encap ip id 1 src {near} dst {far} .*dev fl-vxlan", routes);

        await PodToPodAsync(machines);
        await FromNodesAsync(machines, near);
    }

    private static async Task PodToPodAsync(Machines machines)
    {
        foreach (var (from, to) in (IEnumerable<(string, string)>)[("near", "far"), ("far", "near"), ("near", "beside"), ("far", "beside")])
        {
            var (own, other) = (await AddressAsync(machines, from), await AddressAsync(machines, to));
            Assert.StartsWith($"{own}:", await machines.KubectlAsync("exec", $"on-{from}", "--", "curl", "-s", "--max-time", "10", $"http://{other}:8080/clientip"), StringComparison.Ordinal);
            // Both ways full packets, which do not fit any more when they are wrapped as they are.
            var told = await machines.KubectlAsync("exec", $"on-{from}", "--", "curl", "-s", "--max-time", "10", "-H", $"X-Long: {new string('x', 12_000)}", $"http://{other}:8080/headers");
            Assert.Contains(new string('x', 12_000), told, StringComparison.Ordinal);
        }
    }

    /// <summary>What a node says itself, or for a client from outside, comes from its first pod address, to which the answers find their way.</summary>
    private static async Task FromNodesAsync(Machines machines, string near)
    {
        var other = await AddressAsync(machines, "far");
        var own = await AddressAsync(machines, "near");
        var gateway = own[..(own.LastIndexOf('.') + 1)] + "1";
        Assert.StartsWith($"{gateway}:", await machines.OnAsync("near", "curl", "-s", "--max-time", "10", $"http://{other}:8080/clientip"), StringComparison.Ordinal);

        await machines.KubectlAsync("expose", "pod", "on-far", "--name=far", "--port=80", "--target-port=8080", "--type=NodePort");
        var port = await machines.KubectlAsync("get", "service", "far", "-o", "jsonpath={.spec.ports[0].nodePort}");
        var seen = await Until.AsyncHolds(() => machines.TryOnAsync("server", "curl", "-s", "--max-time", "10", $"http://{near}:{port}/clientip"), answer => answer.Code == 0, "the node port answers");
        Assert.StartsWith($"{gateway}:", seen.Output, StringComparison.Ordinal);
        Assert.Contains("on-far", await machines.KubectlAsync("exec", "on-near", "--", "curl", "-s", "--max-time", "10", "http://far.default.svc.cluster.local/"), StringComparison.Ordinal);
    }

    private static Task<string> AddressAsync(Machines machines, string node) => machines.KubectlAsync("get", "pod", $"on-{node}", "-o", "jsonpath={.status.podIP}");

    private static string Pod(string node) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: { name: on-{{node}}, labels: { app: on-{{node}} } }
        spec:
          nodeName: {{node}}
          terminationGracePeriodSeconds: 0
          containers: [ { name: echo, image: fairlead/host, command: [fairlead, echo] } ]
        """;
}
