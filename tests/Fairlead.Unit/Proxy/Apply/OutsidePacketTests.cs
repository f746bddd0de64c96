using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy;
using Fairlead.Proxy.Plan;
using Xunit;

namespace Fairlead.Unit.Proxy.Apply;

/// <summary>What clients from outside may do, in namespaces of the test's own.</summary>
public sealed class OutsidePacketTests
{
    private const string Vip = "10.96.0.10", Balancer = "192.0.2.9", External = "192.0.2.10";
    private static readonly SlicePort s_tcp = new("", 6, 8080);

    private static ServiceInfo Service(params string[] sources) => Make.Service(Vip, Make.Tcp(80, nodePort: 30080)) with
    {
        BalancerAddresses = new([IPAddress.Parse(Balancer)]),
        ExternalAddresses = new([IPAddress.Parse(External)]),
        SourceRanges = new(sources.Select(source => IPNetwork.Parse(source))),
    };

    private static void Update(ProxyLab lab, ServiceInfo service) =>
        lab.Kernel.Update([Make.Input("web", service, Make.Slice("web", [s_tcp], [ProxyLab.Pod(1)]))]);

    private static Task<string> AskAsync(ProxyLab lab, string target, CancellationToken? patience = null) =>
        ProxyLab.TcpAsync(lab.Host(ProxyLab.Client), target, patience);

    private static async Task HangsAsync(ProxyLab lab, string target)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AskAsync(lab, target, patience.Token));
    }

    [Fact]
    public async Task SourceRanges_ClientFromElsewhere_HangsOnTheBalancersAddressAlone()
    {
        await using var lab = new ProxyLab(pods: 1);
        Update(lab, Service("203.0.113.0/24", "198.51.100.7/32"));
        await HangsAsync(lab, Balancer + ":80");
        Assert.StartsWith(ProxyLab.Pod(1), await AskAsync(lab, External + ":80"), StringComparison.Ordinal);
        Assert.StartsWith(ProxyLab.Pod(1), await AskAsync(lab, "192.168.7.1:30080"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SourceRanges_Changed_CountAtOnce()
    {
        await using var lab = new ProxyLab(pods: 1);
        Update(lab, Service("203.0.113.0/24"));
        await HangsAsync(lab, Balancer + ":80");
        Update(lab, Service("203.0.113.0/24", "192.168.7.0/24"));
        Assert.StartsWith(ProxyLab.Pod(1), await AskAsync(lab, Balancer + ":80"), StringComparison.Ordinal);
        Update(lab, Service("203.0.113.0/24", "192.168.7.0/24") with { ExternalLocal = true });
        Assert.Equal($"{ProxyLab.Pod(1)} {ProxyLab.Client}", await AskAsync(lab, Balancer + ":80"));
        Update(lab, Service());
        Assert.StartsWith(ProxyLab.Pod(1), await AskAsync(lab, Balancer + ":80"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("192.168.7.0/24", true)]
    [InlineData("203.0.113.0/24", false)]
    public async Task NodePortAddresses_Given_NodePortsAnswerThereAlone(string networks, bool answers)
    {
        var options = new ServiceProxyOptions { NodeName = "node", ClusterNetworks = [IPNetwork.Parse("10.244.0.0/16")], NodePortNetworks = [IPNetwork.Parse(networks)] };
        await using var lab = new ProxyLab(pods: 1, options);
        Update(lab, Service());
        if (answers)
        {
            Assert.StartsWith(ProxyLab.Pod(1), await AskAsync(lab, "192.168.7.1:30080"), StringComparison.Ordinal);
            return;
        }
        SocketException failure = await Assert.ThrowsAsync<SocketException>(() => AskAsync(lab, "192.168.7.1:30080"));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
    }

    [Fact]
    public async Task Hints_ZoneOfTheNode_DecidesWhereConnectionsGo()
    {
        await using var lab = new ProxyLab(pods: 2);
        SliceInfo slice = Make.Slice("web", [s_tcp], [ProxyLab.Pod(1), ProxyLab.Pod(2)]);
        string[] zones = ["a", "b"];
        slice = slice with { Endpoints = new(slice.Endpoints.Select((endpoint, index) => endpoint with { ZoneHints = new([zones[index]]) })) };
        foreach ((string? zone, string[] expected) in new[] { ("a", new[] { ProxyLab.Pod(1) }), ("b", [ProxyLab.Pod(2)]), ("c", [ProxyLab.Pod(1), ProxyLab.Pod(2)]), (null, [ProxyLab.Pod(1), ProxyLab.Pod(2)]) })
        {
            lab.Kernel.Zone = zone;
            lab.Kernel.Update([Make.Input("web", Service(), slice)]);
            var seen = new SortedSet<string>(StringComparer.Ordinal);
            for (int attempt = 0; attempt < 30; attempt++)
            {
                seen.Add((await AskAsync(lab, Vip + ":80")).Split(' ')[0]);
            }
            Assert.Equal(expected, seen);
        }
    }

    [Theory]
    [InlineData("kube-proxy", "services", "nf_tables table ip kube-proxy")]
    [InlineData("nat", "KUBE-SERVICES", "chain KUBE-SERVICES of iptables' table nat")]
    [InlineData("nat", "DOCKER", null)]
    public void FindKubeProxy_TablesOfOthers_KnowsItsOwn(string table, string chain, string? found)
    {
        using var node = new Fairlead.Unit.Linux.TestNamespace("other");
        using (KernelNfTables tables = KernelNfTables.Open(node.Network))
        {
            var transaction = new Transaction(new Table(TableFamily.IPv4, table));
            transaction.Add(new Change.AddTable());
            transaction.Add(new Change.AddChain(new Chain(chain)));
            Assert.Null(tables.Commit(transaction));
        }
        Assert.Equal(found, ServiceProxy.FindKubeProxy(node.Path));
    }

    [Theory]
    [InlineData("iptables-legacy", "KUBE-SERVICES", "chain KUBE-SERVICES of iptables-legacy's table ip nat")]
    [InlineData("ip6tables-legacy", "KUBE-SERVICES", "chain KUBE-SERVICES of iptables-legacy's table ip6 nat")]
    [InlineData("iptables-legacy", "KUBE-SERVICES-OF-OTHERS", null)]
    public async Task FindKubeProxy_LegacyTables_KnowsItsOwn(string program, string chain, string? found)
    {
        using var node = new Fairlead.Unit.Linux.TestNamespace("legacy");
        using (var made = System.Diagnostics.Process.Start("nsenter", [$"--net={node.Path}", program, "-w", "-t", "nat", "-N", chain]))
        {
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, made.ExitCode);
        }
        Assert.Equal(found, ServiceProxy.FindKubeProxy(node.Path));
    }

    [Fact]
    public void FindKubeProxy_LinkOfIpvs_IsFound()
    {
        using var node = new Fairlead.Unit.Linux.TestNamespace("ipvs");
        using (RouteSocket routes = RouteSocket.Open(node.Network))
        {
            routes.TryCreateBridge("kube-ipvs0");
        }
        Assert.Equal("link kube-ipvs0", ServiceProxy.FindKubeProxy(node.Path));
    }
}
