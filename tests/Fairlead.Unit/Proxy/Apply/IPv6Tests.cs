using System.Net;
using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.Linux.Netlink.Conntrack;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy;
using Fairlead.Proxy.Apply;
using Fairlead.Proxy.Plan;
using Fairlead.Unit.Linux;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Proxy.Apply;

public sealed class IPv6Tests : IDisposable
{
    private readonly TestNamespace _node = new("six");

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(60)] // fifteen of the sixteen registers
    public async Task ClusterAddress_OfIPv6_ReachesItsEndpoint(int affinitySeconds)
    {
        using (RouteSocket route = RouteSocket.Open(_node.Network))
        {
            route.TryAddAddress(new LinkAddress(RouteSocket.LoopbackIndex, IPAddress.Parse("fd00:244::7"), 128));
            route.TryCreateBridge("br0");
            route.SetUp(route.IndexOf("br0"));
            route.TryAddAddress(new LinkAddress(route.IndexOf("br0"), IPAddress.Parse("fd00:1::1"), 64));
            route.TryAddRoute(new Route(IPNetwork.Parse("::/0")) { LinkIndex = route.IndexOf("br0") });
        }
        using Socket listener = _node.Network.ListenTcp(new IPEndPoint(IPAddress.Parse("fd00:244::7"), 8080));
        var options = new ServiceProxyOptions { NodeName = "node", IPv6 = true, ServiceNetworks = [IPNetwork.Parse("fd00:96::/112"), IPNetwork.Parse("10.96.0.0/16")] };
        var input = Make.Input(
            "six",
            Make.Service("fd00:96::10", new ServicePort("", 6, 80, 30080), new ServicePort("", 17, 53, 0)) with { AffinitySeconds = (uint)affinitySeconds },
            Make.Slice("six", [new SlicePort("", 6, 8080), new SlicePort("", 17, 8080)], ["fd00:244::7"]) with { IsIPv6 = true });
        using (ProxyKernel first = Open(options))
        {
            first.Update([input]);
            Assert.Equal(2, first.Commits);
        }
        for (int attempt = 0; attempt < 2; attempt++)
        {
            using Socket connection = await _node.Network.ConnectTcpAsync(IPEndPoint.Parse("[fd00:96::10]:80"), ProxyLab.Deadline);
            (await listener.AcceptAsync(ProxyLab.Deadline)).Dispose();
        }
        SocketException failure = await Assert.ThrowsAsync<SocketException>(() => _node.Network.ConnectTcpAsync(IPEndPoint.Parse("[fd00:96::10]:81"), ProxyLab.Deadline));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
        using ProxyKernel second = Open(options);
        second.Update([input]);
        Assert.Equal(0, second.Commits);
        second.Update([Make.Input("six", null)]);
        // The client that was remembered is forgotten in a transaction of its own.
        Assert.Equal(affinitySeconds > 0 ? 2 : 1, second.Commits);
    }

    private ProxyKernel Open(ServiceProxyOptions options) =>
        new(KernelNfTables.Open(_node.Network), ConntrackSocket.Open(_node.Network), RouteSocket.Open(_node.Network), options, NullLogger.Instance, TimeProvider.System);
}
