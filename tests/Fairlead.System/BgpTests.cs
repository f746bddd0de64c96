using Xunit;

namespace Fairlead.System;

/// <summary>Nodes that tell a router of load-balancer addresses, and a client behind it.</summary>
public sealed class BgpTests
{
    private const int Nodes = 3, HoldSeconds = 6;
    private const string Pool = "192.0.2.16/28";

    private const string Service = """
        apiVersion: v1
        kind: Service
        metadata: { name: echo }
        spec:
          type: LoadBalancer
          selector: { app: echo }
          ports: [{ port: 80, targetPort: 8080 }]
        """;

    private const string ByHand = """
        { apiVersion: v1, kind: Node, metadata: { name: n1 } }
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: echo }
        spec: { type: LoadBalancer, loadBalancerClass: example.org/by-hand, ipFamilyPolicy: RequireDualStack, ports: [{ port: 80 }] }
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: { name: echo-1, labels: { kubernetes.io/service-name: echo } }
        addressType: IPv4
        endpoints: [{ addresses: [10.244.9.9], nodeName: n1 }]
        """;

    private const string Pod = """
        apiVersion: v1
        kind: Pod
        metadata: { name: on-NODE, labels: { app: echo } }
        spec:
          nodeName: NODE
          terminationGracePeriodSeconds: 0
          containers:
          - name: echo
            image: fairlead/host
            command: [fairlead, echo]
            ports: [{ containerPort: 8080 }]
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
        """;

    [Fact]
    public async Task Router_BesideThreeNodes_HasRoutesOfThoseThatServeAndReachesThePods()
    {
        await using var machines = new Machines();
        var names = Enumerable.Range(1, Nodes).Select(i => $"n{i}").ToArray();
        var at = names.Select((name, i) => (name, address: machines.Address(i + 2))).ToDictionary(pair => pair.name, pair => pair.address);
        var join = Machines.JoinCommand(await machines.StartServerAsync("--load-balancer-pool", Pool))[2..];
        await machines.AddMachineAsync("router", 100);
        // By source port too, so that one client's connections spread over the nodes.
        Assert.Equal(0, (await machines.TryOnAsync("router", "sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1")).Code);
        var bird = new Bird(machines, "router");
        await bird.StartAsync(machines.Address(100), at.Values);
        var password = Path.Combine(machines.Folder, "password");
        await File.WriteAllTextAsync(password, Bird.Password + "\n");
        string[] bgp = ["--bgp-as", $"{Bird.NodesAs}", "--bgp-peer", $"{machines.Address(100)},as={Bird.As},hold-time={HoldSeconds},password-file={password}"];
        foreach (var (name, i) in names.Select((name, i) => (name, i)))
        {
            await machines.AddMachineAsync(name, i + 2);
            machines.StartAgent(name, [.. join, .. bgp]);
        }
        await Until.AsyncHolds(() => machines.KubectlAsync("get", "nodes", "--no-headers"), nodes => nodes.Split('\n').Count(node => node.Contains(" Ready ", StringComparison.Ordinal)) == Nodes, "three nodes Ready");
        foreach (var name in names[..2]) await machines.ApplyAsync(Pod.Replace("NODE", name, StringComparison.Ordinal));
        await machines.ApplyAsync(Service);
        var address = await Until.AsyncHolds(() => machines.KubectlAsync("get", "svc", "echo", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"), ip => ip.Length > 0, "an external address");

        // Policy Cluster: all three, also the one without a pod; the kernel has them as one route of three next hops.
        await bird.WaitForRoutesAsync(address, [.. at.Values]);
        await Until.AsyncHolds(() => machines.TryOnAsync("router", "ip", "route", "show", address), route => at.Values.All(node => route.Output.Contains($"nexthop via {node} ", StringComparison.Ordinal)), "three next hops in the kernel");
        await AllAnswerAsync(machines, address, "on-n1", "on-n2");
        Assert.Contains($"metallb_bgp_announced_prefixes_total{{peer=\"{machines.Address(100)}:179\"}} 1\n", (await machines.TryOnAsync("n1", "curl", "-s", "http://127.0.0.1:10249/metrics")).Output, StringComparison.Ordinal);
        Assert.DoesNotContain(address, (await machines.TryOnAsync("n1", "ip", "-br", "address")).Output, StringComparison.Ordinal);

        await PolicyLocalAsync(machines, bird, address, at);
        await NodesGoAsync(machines, bird, address, at, bgp);

        await machines.KubectlAsync("delete", "service", "echo");
        await bird.WaitForRoutesAsync(address);
        Assert.Contains("Established", await bird.ShowAsync("protocols", "node3"), StringComparison.Ordinal);
    }

    /// <summary>`fairlead loadbalancer` on a cluster whose nodes others make, here by hand; with a router of the nodes' own AS.</summary>
    [Fact]
    public async Task LoadBalancerAlone_IPv6AddressAndRouter_AnnouncesItAndSaysWhatItDoes()
    {
        const string Address = "2001:db8:1::10", Router = "fd00:99::100", Node = "fd00:99::2";
        await using var machines = new Machines();
        await machines.StartServerAsync("--service-cluster-ip-range", "10.96.0.0/16,fd00:96::/108", "--cluster-cidr", "10.244.0.0/16,fd00:244::/56");
        await machines.AddMachineAsync("router", 100);
        await machines.AddMachineAsync("n1", 2);
        foreach (var (machine, own) in new[] { ("router", Router), ("n1", Node) })
            Assert.Equal(0, (await machines.TryOnAsync(machine, "ip", "address", "add", $"{own}/64", "dev", "eth0", "nodad")).Code);
        var bird = new Bird(machines, "router");
        await bird.StartAsync(Router, [Node], Bird.NodesAs);
        var password = Path.Combine(machines.Folder, "password");
        await File.WriteAllTextAsync(password, Bird.Password);
        await machines.ApplyAsync(ByHand);
        await machines.KubectlAsync("patch", "node", "n1", "--subresource=status", "-p", "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");

        machines.StartCommand(
            "n1", "loadbalancer", "--kubeconfig", machines.Kubeconfig, "--addresses", $"192.0.2.17-192.0.2.17,{Address}/128", "--hostname-override", "n1", "--node-ip", machines.Address(2), "--load-balancer-class", "example.org/by-hand",
            "--bgp-as", $"{Bird.NodesAs}", "--bgp-peer", $"{Router},as={Bird.NodesAs},password-file={password}", "--metrics-bind-address", "127.0.0.1:7472");

        await bird.WaitForRoutesAsync(Address, Node);
        Assert.Equal($"192.0.2.17 {Address}", await machines.KubectlAsync("get", "service", "echo", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"));
        Assert.Empty(await bird.RoutesAsync("192.0.2.17"));
        Assert.Contains($"metallb_bgp_session_up{{peer=\"[{Router}]:179\"}} 1\n", (await machines.TryOnAsync("n1", "curl", "-s", "http://127.0.0.1:7472/metrics")).Output, StringComparison.Ordinal);
        await machines.KubectlAsync("delete", "endpointslice", "echo-1");
        await bird.WaitForRoutesAsync(Address);
        Assert.Contains("bgp: node n1 announces by BGP: nothing", machines.Logs(), StringComparison.Ordinal);
    }

    /// <summary>Only nodes with a pod, as pods come and go; the pod sees the client.</summary>
    private static async Task PolicyLocalAsync(Machines machines, Bird bird, string address, Dictionary<string, string> at)
    {
        await machines.KubectlAsync("patch", "service", "echo", "-p", "{\"spec\":{\"externalTrafficPolicy\":\"Local\"}}");
        await bird.WaitForRoutesAsync(address, at["n1"], at["n2"]);
        var client = machines.Address(100) + ":";
        await Until.AsyncHolds(() => CurlAsync(machines, $"http://{address}/clientip"), answer => answer.Output.StartsWith(client, StringComparison.Ordinal), "the pod sees the client's own address");

        await machines.KubectlAsync("delete", "pod", "on-n1");
        await bird.WaitForRoutesAsync(address, at["n2"]);
        await AllAnswerAsync(machines, address, "on-n2");
        await machines.KubectlAsync("patch", "service", "echo", "-p", "{\"spec\":{\"externalTrafficPolicy\":\"Cluster\"}}");
        await bird.WaitForRoutesAsync(address, [.. at.Values]);
    }

    private static async Task NodesGoAsync(Machines machines, Bird bird, string address, Dictionary<string, string> at, string[] bgp)
    {
        // Excluded, the node takes its route back, and gives it again.
        await machines.KubectlAsync("label", "node", "n3", "node.kubernetes.io/exclude-from-external-load-balancers=");
        await bird.WaitForRoutesAsync(address, at["n1"], at["n2"]);
        await machines.KubectlAsync("label", "node", "n3", "node.kubernetes.io/exclude-from-external-load-balancers-");
        await bird.WaitForRoutesAsync(address, [.. at.Values]);

        // A stopped agent says so, far within the hold time.
        var began = TimeProvider.System.GetTimestamp();
        await machines.TerminateAsync("n1");
        await bird.WaitForRoutesAsync(address, at["n2"], at["n3"]);
        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(HoldSeconds), "the route went before the hold time was over");
        Assert.Contains("Administrative shutdown", await bird.ShowAsync("protocols", "all", "node1"), StringComparison.Ordinal);
        machines.StartAgent("n1", bgp);
        await bird.WaitForRoutesAsync(address, [.. at.Values]);

        // A node whose cable is cut cannot say it: its routes go when the hold time is over.
        await machines.UnplugAsync("n1");
        await bird.WaitForRoutesAsync(address, at["n2"], at["n3"]);
        Assert.Contains("Hold timer expired", await bird.ShowAsync("protocols", "all", "node1"), StringComparison.Ordinal);
        await AllAnswerAsync(machines, address, "on-n2");
    }

    /// <summary>Connections from the router all succeed, and meet all of these pods.</summary>
    private static async Task AllAnswerAsync(Machines machines, string address, params string[] pods)
    {
        await Until.AsyncHolds(() => CurlAsync(machines, $"http://{address}/"), answer => answer.Code == 0, $"{address} answers");
        // A pod that has just become ready may not be an endpoint on every node yet; but no connection may fail.
        await Until.AsyncHolds(
            async () =>
            {
                var answers = await CurlAsync(machines, "-H", "Connection: close", $"http://{address}/?[1-40]");
                Assert.True(answers.Code == 0, $"{answers}");
                var hits = answers.Lines.Where(line => line.Contains("on-n", StringComparison.Ordinal)).ToList();
                Assert.Equal(40, hits.Count);
                return string.Join(' ', hits.Select(line => line[line.IndexOf("on-n", StringComparison.Ordinal)..].Trim()).Distinct().Order(StringComparer.Ordinal));
            },
            met => met == string.Join(' ', pods), $"{address} is answered by {string.Join(' ', pods)}");
    }

    private static Task<CommandResult> CurlAsync(Machines machines, params string[] arguments) => machines.TryOnAsync("router", ["curl", "-s", "--max-time", "5", .. arguments]);
}
