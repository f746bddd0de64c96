using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy;
using Fairlead.Proxy.Plan;
using Xunit;

namespace Fairlead.Unit.Proxy.Apply;

/// <summary>Pods that are told by the link that they come by, and node ports on the loopback, as kube-proxy has them.</summary>
public sealed class LocalTrafficTests
{
    private const string Vip = "10.96.0.10", NodePort = "192.168.7.1:30080", Loopback = "127.0.0.1:30080";
    private static readonly ServiceProxyOptions s_byLink = new() { NodeName = "node", PodLink = "h10.244*" };
    private static readonly ServiceProxyOptions s_loopback = new() { NodeName = "node", LocalhostNodePorts = true };

    private static void Serve(ProxyLab lab, bool externalLocal = false, bool isLocal = true)
    {
        ServiceInfo service = Make.Service(Vip, Make.Tcp(80, nodePort: 30080)) with { ExternalLocal = externalLocal };
        SliceInfo slice = Make.Slice("web", [new SlicePort("", 6, 8080)], [ProxyLab.Pod(2)]);
        lab.Kernel.Update([Make.Input("web", service, slice with { Endpoints = new(slice.Endpoints.Select(endpoint => endpoint with { IsLocal = isLocal })) })]);
    }

    [Fact]
    public async Task PodLink_PodToClusterAddress_KeepsItsAddressAndOthersAreMasqueraded()
    {
        await using var lab = new ProxyLab(pods: 2, s_byLink);
        Serve(lab);
        Assert.Equal($"{ProxyLab.Pod(2)} {ProxyLab.Pod(1)}", await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), Vip + ":80"));
        Assert.Equal($"{ProxyLab.Pod(2)} 169.254.1.1", await ProxyLab.TcpAsync(lab.Host(ProxyLab.Client), Vip + ":80"));
        Assert.StartsWith(ProxyLab.Pod(2), await ProxyLab.TcpAsync(lab.Node, Vip + ":80"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task PodLink_PolicyLocalWithoutLocalEndpoint_PodsAloneAreServed()
    {
        await using var lab = new ProxyLab(pods: 2, s_byLink);
        Serve(lab, externalLocal: true, isLocal: false);
        Assert.Equal($"{ProxyLab.Pod(2)} {ProxyLab.Pod(1)}", await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(1)), NodePort));
        await HangsAsync(lab, NodePort);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task Loopback_OfTheNode_AnswersWhereItIsAskedFor(bool asked, bool externalLocal)
    {
        await using var lab = new ProxyLab(pods: 2, asked ? s_loopback : null);
        RouteLoopback(lab.Node);
        Serve(lab, externalLocal);
        if (asked)
        {
            Assert.Equal($"{ProxyLab.Pod(2)} 169.254.1.1", await ProxyLab.TcpAsync(lab.Node, Loopback));
            return;
        }
        SocketException failure = await Assert.ThrowsAsync<SocketException>(() => ProxyLab.TcpAsync(lab.Node, Loopback));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Loopback_NeighbourThatRoutesItHere_ReachesWhatListensThereOnlyWithoutTheGuard(bool guarded)
    {
        await using var lab = new ProxyLab(pods: 2, guarded ? s_loopback : null);
        RouteLoopback(lab.Node);
        Serve(lab);
        NetworkNamespace neighbour = lab.Host(ProxyLab.Client);
        RouteLoopback(neighbour);
        using (RouteSocket routes = RouteSocket.Open(neighbour))
        {
            // Where it is not its own, the address is anybody's.
            Assert.True(routes.TryDeleteAddress(new LinkAddress(routes.IndexOf("lo"), IPAddress.Loopback, 8)));
            routes.TryAddRoute(new Route(IPNetwork.Parse("127.0.0.1/32")) { LinkIndex = routes.IndexOf("eth0"), Gateway = IPAddress.Parse("169.254.1.1"), OnLink = true });
        }
        using Socket secret = lab.Node.ListenTcp(new IPEndPoint(IPAddress.Loopback, 9999));

        using Socket attempt = neighbour.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        attempt.Bind(new IPEndPoint(IPAddress.Parse(ProxyLab.Client), 0));
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));
        if (guarded) await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await attempt.ConnectAsync(IPEndPoint.Parse("127.0.0.1:9999"), patience.Token));
        else await attempt.ConnectAsync(IPEndPoint.Parse("127.0.0.1:9999"), ProxyLab.Deadline);
    }

    private static void RouteLoopback(NetworkNamespace space) => space.Run(() =>
    {
        Sysctl.Write("net/ipv4/conf/all/route_localnet", "1");
        Sysctl.Write("net/ipv4/conf/all/rp_filter", "0");
    });

    private static async Task HangsAsync(ProxyLab lab, string target)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(700));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ProxyLab.TcpAsync(lab.Host(ProxyLab.Client), target, patience.Token));
    }
}
