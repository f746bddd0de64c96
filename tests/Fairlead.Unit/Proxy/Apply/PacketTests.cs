using System.Net;
using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy;
using Fairlead.Proxy.Plan;
using Xunit;

namespace Fairlead.Unit.Proxy.Apply;

/// <summary>What packets really do, in namespaces of the test's own.</summary>
public sealed class PacketTests
{
    private const string Vip = "10.96.0.10";
    private static readonly SlicePort s_tcp = new("", 6, 8080), s_udp = new("", 17, 8080);

    private static string[] Pods(params int[] numbers) => [.. numbers.Select(ProxyLab.Pod)];

    private static (ObjectKey, ServiceInfo?, IReadOnlyCollection<SliceInfo>) Web(params string[] pods) =>
        Make.Input("web", Make.Service(Vip, Make.Tcp(80)), Make.Slice("web", [s_tcp], pods));

    private static (ObjectKey, ServiceInfo?, IReadOnlyCollection<SliceInfo>) Dns(params string[] pods) =>
        Make.Input("dns", Make.Service(Vip, Make.Udp(53)), Make.Slice("dns", [s_udp], pods));

    [Fact]
    public async Task ClusterAddress_ManyConnections_SpreadOverAllEndpoints()
    {
        await using var lab = new ProxyLab(pods: 3);
        lab.Kernel.Update([Web(Pods(1, 2, 3))]);
        var seen = new Dictionary<string, int>();
        for (int attempt = 0; attempt < 90; attempt++)
        {
            string pod = (await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80")).Split(' ')[0];
            seen[pod] = seen.GetValueOrDefault(pod) + 1;
        }
        Assert.Equal(3, seen.Count);
        Assert.All(seen.Values, count => Assert.InRange(count, 10, 60));
    }

    [Fact]
    public async Task ClusterAddress_FromPod_KeepsTheClientsAddress()
    {
        await using var lab = new ProxyLab(pods: 2);
        lab.Kernel.Update([Web(Pods(2))]);
        Assert.Equal($"{ProxyLab.Pod(2)} {ProxyLab.Pod(1)}", await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80"));
    }

    [Fact]
    public async Task ClusterAddress_FromNodeItself_IsMasqueraded()
    {
        await using var lab = new ProxyLab(pods: 1);
        lab.Kernel.Update([Web(Pods(1))]);
        Assert.Equal($"{ProxyLab.Pod(1)} 169.254.1.1", await ProxyLab.TcpAsync(lab.Node, Vip + ":80"));
    }

    [Fact]
    public async Task ClusterAddress_FromOutsideThePodNetwork_IsMasqueraded()
    {
        await using var lab = new ProxyLab(pods: 1);
        lab.Kernel.Update([Web(Pods(1))]);
        Assert.Equal($"{ProxyLab.Pod(1)} 169.254.1.1", await ViaNode(lab, Vip + ":80"));
    }

    [Fact]
    public async Task ClusterAddress_PodReachingItself_IsMasqueraded()
    {
        await using var lab = new ProxyLab(pods: 1);
        lab.Kernel.Update([Web(Pods(1))]);
        Assert.Equal($"{ProxyLab.Pod(1)} 169.254.1.1", await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80"));
    }

    [Theory]
    [InlineData(24, "1")]
    [InlineData(32, "1")]
    [InlineData(32, "0")]
    public async Task Bridge_PodsOfOneNode_AnswersFindTheirWay(int prefix, string bridgeNetfilter)
    {
        await using var lab = new ProxyLab(pods: 2, bridgedPrefix: prefix);
        lab.Node.Run(() => Fairlead.Linux.Namespaces.Sysctl.TryWrite("net/bridge/bridge-nf-call-iptables", bridgeNetfilter));
        lab.Kernel.Update([Web(Pods(1))]);
        // The answer of the one to the other takes the bridge, and is translated back there.
        Assert.Equal($"{ProxyLab.Pod(1)} {ProxyLab.Pod(2)}", await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(2)), Vip + ":80"));
        Assert.Equal($"{ProxyLab.Pod(1)} 10.244.0.254", await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80"));
        Assert.Equal($"{ProxyLab.Pod(1)} 10.244.0.254", await ProxyLab.TcpAsync(lab.Node, Vip + ":80"));
    }

    [Theory]
    [InlineData(80)] // no endpoints
    [InlineData(81)] // no such port
    public async Task ClusterAddress_NothingBehind_IsRefusedAtOnce(int port)
    {
        await using var lab = new ProxyLab(pods: 1);
        lab.Kernel.Update([Web()]);
        foreach (var from in new[] { lab.Host(ProxyLab.Pod(1)), lab.Node })
        {
            SocketException failure = await Assert.ThrowsAsync<SocketException>(() => ProxyLab.TcpAsync(from, $"{Vip}:{port}"));
            Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
        }
    }

    [Fact]
    public async Task ClusterAddress_UdpNothingBehind_IsRefusedAtOnce()
    {
        await using var lab = new ProxyLab(pods: 1);
        lab.Kernel.Update([Dns()]);
        using Socket socket = lab.Host(ProxyLab.Pod(1)).CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(IPEndPoint.Parse(Vip + ":53"), ProxyLab.Deadline);
        await socket.SendAsync(new byte[] { 1 }, ProxyLab.Deadline);
        SocketException failure = await Assert.ThrowsAsync<SocketException>(async () => await socket.ReceiveAsync(new byte[1], ProxyLab.Deadline));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
    }

    [Fact]
    public async Task ServiceNetwork_UnusedAddress_IsRefusedAtOnce()
    {
        await using var lab = new ProxyLab(pods: 1, new ServiceProxyOptions { NodeName = "node", ServiceNetworks = [IPNetwork.Parse("10.96.0.0/16")] });
        lab.Kernel.Update([]);
        SocketException failure = await Assert.ThrowsAsync<SocketException>(() => ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), "10.96.3.4:80"));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
    }

    [Fact]
    public async Task ServiceAddress_Removed_IsNoLongerServed()
    {
        await using var lab = new ProxyLab(pods: 1);
        lab.Kernel.Update([Web(Pods(1))]);
        lab.Kernel.Update([Make.Input("web", null)]);
        Assert.Equal(
            lab.Kernel.Tables[0].Layout.Chains.Select(item => item.Chain.Name).Order(),
            ReadTable(lab).Chains.Keys.Order());
    }

    [Fact]
    public async Task Affinity_OneClient_AlwaysMeetsTheSamePodUntilItIsGone()
    {
        await using var lab = new ProxyLab(pods: 4);
        ServiceInfo service = Make.Service(Vip, Make.Tcp(80)) with { AffinitySeconds = 60 };
        lab.Kernel.Update([Make.Input("web", service, Make.Slice("web", [s_tcp], Pods(1, 2, 3)))]);
        string first = await Pod(lab);
        for (int attempt = 0; attempt < 20; attempt++)
        {
            Assert.Equal(first, await Pod(lab));
        }
        string[] rest = [.. Pods(1, 2, 3).Where(pod => pod != first)];
        lab.Kernel.Update([Make.Input("web", service, Make.Slice("web", [s_tcp], rest))]);
        string second = await Pod(lab);
        Assert.Contains(second, rest);
        for (int attempt = 0; attempt < 20; attempt++)
        {
            Assert.Equal(second, await Pod(lab));
        }

        // An endpoint more changes nothing for those who have one.
        lab.Kernel.Update([Make.Input("web", service, Make.Slice("web", [s_tcp], Pods(1, 2, 3)))]);
        Assert.Equal(second, await Pod(lab));

        static async Task<string> Pod(ProxyLab lab) => (await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(4)), Vip + ":80")).Split(' ')[0];
    }

    [Fact]
    public async Task Udp_EndpointReplaced_SameSocketMeetsTheNewOne()
    {
        await using var lab = new ProxyLab(pods: 3);
        lab.Kernel.Update([Dns(Pods(1))]);
        using Socket socket = lab.Host(ProxyLab.Pod(3)).CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Assert.StartsWith(ProxyLab.Pod(1) + " ", await ProxyLab.UdpAsync(socket, Vip + ":53"), StringComparison.Ordinal);
        lab.Kernel.Update([Dns(Pods(2))]);
        Assert.StartsWith(ProxyLab.Pod(2) + " ", await ProxyLab.UdpAsync(socket, Vip + ":53"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Udp_NodePortWithoutEndpointsAtFirst_SameSocketMeetsTheFirst()
    {
        await using var lab = new ProxyLab(pods: 1);
        ServiceInfo service = Make.Service(Vip, Make.Udp(53, nodePort: 30053));
        lab.Kernel.Update([Make.Input("dns", service)]);
        using Socket socket = lab.Host(ProxyLab.Client).CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await socket.SendToAsync(new byte[] { 1 }, IPEndPoint.Parse("192.168.7.1:30053"), ProxyLab.Deadline);
        lab.Kernel.Update([Make.Input("dns", service, Make.Slice("dns", [s_udp], Pods(1)))]);
        Assert.StartsWith(ProxyLab.Pod(1) + " ", await ProxyLab.UdpAsync(socket, "192.168.7.1:30053"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Udp_EndpointsGrow_FlowStaysWhereItIs()
    {
        await using var lab = new ProxyLab(pods: 3);
        lab.Kernel.Update([Dns(Pods(1))]);
        using Socket socket = lab.Host(ProxyLab.Pod(3)).CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await ProxyLab.UdpAsync(socket, Vip + ":53");
        lab.Kernel.Update([Dns(Pods(1, 2))]);
        for (int attempt = 0; attempt < 10; attempt++)
        {
            Assert.StartsWith(ProxyLab.Pod(1) + " ", await ProxyLab.UdpAsync(socket, Vip + ":53"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task NodePort_FromOutside_ReachesAPodMasqueraded()
    {
        await using var lab = new ProxyLab(pods: 2);
        lab.Kernel.Update([Make.Input("web", Make.Service(Vip, Make.Tcp(80, nodePort: 30080)), Make.Slice("web", [s_tcp], Pods(1, 2)))]);
        Assert.Contains("169.254.1.1", await ViaNode(lab, "192.168.7.1:30080"), StringComparison.Ordinal);
        Assert.Contains("169.254.1.1", await ProxyLab.TcpAsync(lab.Node, "192.168.7.1:30080"), StringComparison.Ordinal);
    }

    private const string Balancer = "192.0.2.9";

    private static (ObjectKey, ServiceInfo?, IReadOnlyCollection<SliceInfo>) Balanced(bool externalLocal, bool internalLocal, bool endpointsAreLocal)
    {
        ServiceInfo service = Make.Service(Vip, Make.Tcp(80, nodePort: 30080)) with
        {
            BalancerAddresses = new([IPAddress.Parse(Balancer)]),
            ExternalLocal = externalLocal,
            InternalLocal = internalLocal,
        };
        SliceInfo slice = Make.Slice("web", [s_tcp], Pods(2));
        return Make.Input("web", service, slice with { Endpoints = new(slice.Endpoints.Select(endpoint => endpoint with { IsLocal = endpointsAreLocal })) });
    }

    [Fact]
    public async Task LoadBalancer_PolicyCluster_ClientIsMasqueraded()
    {
        await using var lab = new ProxyLab(pods: 2);
        lab.Kernel.Update([Balanced(externalLocal: false, internalLocal: false, endpointsAreLocal: true)]);
        Assert.Equal($"{ProxyLab.Pod(2)} 169.254.1.1", await ViaNode(lab, Balancer + ":80"));
    }

    [Fact]
    public async Task LoadBalancer_PolicyLocal_PodSeesTheClientsAddress()
    {
        await using var lab = new ProxyLab(pods: 2);
        lab.Kernel.Update([Balanced(externalLocal: true, internalLocal: false, endpointsAreLocal: true)]);
        Assert.Equal($"{ProxyLab.Pod(2)} {ProxyLab.Client}", await ViaNode(lab, Balancer + ":80"));
        Assert.Equal($"{ProxyLab.Pod(2)} {ProxyLab.Client}", await ViaNode(lab, "192.168.7.1:30080"));
    }

    [Fact]
    public async Task LoadBalancer_PolicyLocalWithoutLocalEndpoint_ClientHangsAndPodsAreServed()
    {
        await using var lab = new ProxyLab(pods: 2);
        lab.Kernel.Update([Balanced(externalLocal: true, internalLocal: false, endpointsAreLocal: false)]);
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ProxyLab.TcpAsync(lab.Host(ProxyLab.Client), Balancer + ":80", patience.Token));
        Assert.Equal($"{ProxyLab.Pod(2)} {ProxyLab.Pod(1)}", await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Balancer + ":80"));
        Assert.Equal($"{ProxyLab.Pod(2)} 169.254.1.1", await ProxyLab.TcpAsync(lab.Node, "192.168.7.1:30080"));
    }

    [Fact]
    public async Task InternalPolicyLocal_EndpointsElsewhere_ClusterAddressHangs()
    {
        await using var lab = new ProxyLab(pods: 2);
        lab.Kernel.Update([Balanced(externalLocal: false, internalLocal: true, endpointsAreLocal: false)]);
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80", patience.Token));
        Assert.Contains(ProxyLab.Pod(2), await ViaNode(lab, "192.168.7.1:30080"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restart_NothingChanged_IsAnEmptyDifference()
    {
        await using var lab = new ProxyLab(pods: 2);
        ServiceInfo service = Make.Service(Vip, Make.Tcp(80, "a", 30080), Make.Udp(53, "b")) with { AffinitySeconds = 30 };
        var input = Make.Input("web", service, Make.Slice("web", [new SlicePort("a", 6, 8080), new SlicePort("b", 17, 8080)], Pods(1, 2)));
        lab.Kernel.Update([input]);
        Assert.Equal(1, lab.Kernel.Commits);
        await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80");
        lab.RestartProxy();
        lab.Kernel.Update([input]);
        Assert.Equal(0, lab.Kernel.Commits);
    }

    [Fact]
    public async Task Watch_SomebodyFlushed_PutsEverythingBack()
    {
        await using var lab = new ProxyLab(pods: 1);
        lab.Kernel.Update([Web(Pods(1))]);
        lab.Kernel.Watch();
        long commits = lab.Kernel.Commits;
        lab.Kernel.Watch();
        Assert.Equal(commits, lab.Kernel.Commits);
        using (KernelNfTables other = KernelNfTables.Open(lab.Node))
        {
            ProxyCleanup(other);
        }
        lab.Kernel.Watch();
        await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80");
    }

    [Fact]
    public async Task Update_SomebodyFlushed_RereadsAndApplies()
    {
        await using var lab = new ProxyLab(pods: 2);
        lab.Kernel.Update([Web(Pods(1))]);
        using (KernelNfTables other = KernelNfTables.Open(lab.Node))
        {
            ProxyCleanup(other);
        }
        lab.Kernel.Update([Web(Pods(2))]);
        Assert.StartsWith(ProxyLab.Pod(2), await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cleanup_AfterServing_LeavesNoTable()
    {
        await using var lab = new ProxyLab(pods: 1);
        lab.Kernel.Update([Web(Pods(1))]);
        ServiceProxy.Cleanup(lab.NodePath);
        using KernelNfTables tables = KernelNfTables.Open(lab.Node);
        Assert.Null(tables.Read(lab.Kernel.Tables[0].Layout.Table));
    }

    private static void ProxyCleanup(INfTables tables) => Fairlead.Proxy.Apply.ProxyKernel.Cleanup(tables);

    private static TableContent ReadTable(ProxyLab lab)
    {
        using KernelNfTables tables = KernelNfTables.Open(lab.Node);
        return tables.Read(lab.Kernel.Tables[0].Layout.Table)!;
    }

    private static Task<string> ViaNode(ProxyLab lab, string target) => ProxyLab.TcpAsync(lab.Host(ProxyLab.Client), target);
}
