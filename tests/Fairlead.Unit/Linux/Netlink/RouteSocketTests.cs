using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Fairlead.Linux;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Route;
using Xunit;

namespace Fairlead.Unit.Linux.Netlink;

public sealed class RouteSocketTests : IDisposable
{
    private readonly TestNamespace _node = new("node");
    private readonly TestNamespace _pod = new("pod");
    private readonly RouteSocket _route;

    public RouteSocketTests() => _route = RouteSocket.Open(_node.Network);

    public void Dispose()
    {
        _route.Dispose();
        _node.Dispose();
        _pod.Dispose();
    }

    [Fact]
    public void FindLink_UnknownName_IsNull() => Assert.Null(_route.FindLink("nothing0"));

    [Fact]
    public void Loopback_AfterCreate_IsUp() => Assert.True(_route.FindLink("lo")!.IsUp);

    [Fact]
    public void CreateBridge_Twice_SecondIsFalse()
    {
        Assert.True(_route.TryCreateBridge("br0"));
        Assert.False(_route.TryCreateBridge("br0"));
        Assert.Equal("bridge", _route.FindLink("br0")!.Kind);
        Assert.True(_route.TryDeleteLink("br0"));
        Assert.False(_route.TryDeleteLink("br0"));
    }

    [Fact]
    public void BridgeMac_PortWithALesserOneComesAndGoes_Stays()
    {
        _route.TryCreateBridge("br0");
        Link bridge = _route.FindLink("br0")!;
        _route.CreateVeth(new VethPair { Name = "vh0", PeerName = "eth0", PeerNamespace = _pod.Network, Mac = PhysicalAddress.Parse("00-00-5E-00-53-01"), Master = bridge.Index });
        Assert.Equal(bridge.Mac, _route.FindLink("br0")!.Mac);
        _route.TryDeleteLink("vh0");
        Assert.Equal(bridge.Mac, _route.FindLink("br0")!.Mac);
    }

    [Fact]
    public void CreateVeth_PeerInOtherNamespace_IsBornThere()
    {
        _route.TryCreateBridge("br0");
        Link bridge = _route.FindLink("br0")!;
        var mac = PhysicalAddress.Parse("02-00-00-00-00-07");
        _route.CreateVeth(new VethPair { Name = "vh0", PeerName = "eth0", PeerNamespace = _pod.Network, PeerMac = mac, Mtu = 1400, Master = bridge.Index });
        _route.SetHairpin(_route.IndexOf("vh0"), on: true);
        string names = _node.Network.Run(() =>
        {
            using var route = RouteSocket.Open();
            return string.Join(' ', route.ListLinks().Select(link => link.Name));
        });
        using RouteSocket pod = RouteSocket.Open(_pod.Network);
        Link peer = pod.FindLink("eth0")!;
        Assert.Equal(mac, peer.Mac);
        Assert.Equal(1400, peer.Mtu);
        Assert.False(peer.IsUp);
        Assert.True(_route.FindLink("vh0")!.IsUp);
        Assert.Equal("veth", peer.Kind);
        Assert.Equal(bridge.Index, _route.FindLink("vh0")!.Master);
        Assert.Equal("lo br0 vh0", names);
    }

    [Fact]
    public void Rename_AndMove_FollowTheLink()
    {
        _route.CreateVeth(new VethPair { Name = "a0", PeerName = "b0", Up = false });
        int index = _route.IndexOf("b0");
        _route.Rename(index, "eth0");
        _route.Move(index, _pod.Network);
        Assert.Null(_route.FindLink("eth0"));
        using RouteSocket pod = RouteSocket.Open(_pod.Network);
        Assert.NotNull(pod.FindLink("eth0"));
    }

    [Fact]
    public void SetMtu_OfMissingLink_NamesTheErrno()
    {
        NetlinkException failure = Assert.Throws<NetlinkException>(() => _route.SetMtu(4711, 1400));
        Assert.Equal(Errno.NoDevice, failure.Errno);
    }

    [Theory]
    [InlineData("10.9.0.1", 24)]
    [InlineData("fd00:9::1", 64)]
    public void Address_AddTwiceDeleteTwice_SecondIsFalse(string text, int prefix)
    {
        _route.TryCreateBridge("br0");
        int index = _route.IndexOf("br0");
        _route.SetUp(index);
        var address = new LinkAddress(index, IPAddress.Parse(text), prefix);
        Assert.True(_route.TryAddAddress(address));
        Assert.False(_route.TryAddAddress(address));
        Assert.Contains(address, _route.ListAddresses(index));
        Assert.True(_route.TryDeleteAddress(address));
        Assert.False(_route.TryDeleteAddress(address));
    }

    [Theory]
    [InlineData("10.9.0.1", 24, "0.0.0.0/0", "10.9.0.2")]
    [InlineData("fd00:9::1", 64, "::/0", "fd00:9::2")]
    [InlineData("10.9.0.1", 24, "10.244.3.0/24", "10.9.0.3")]
    public void Route_AddReplaceDelete_IsListed(string own, int prefix, string destination, string gateway)
    {
        _route.TryCreateBridge("br0");
        int index = _route.IndexOf("br0");
        _route.SetUp(index);
        _route.TryAddAddress(new LinkAddress(index, IPAddress.Parse(own), prefix));
        var route = new Route(IPNetwork.Parse(destination)) { Gateway = IPAddress.Parse(gateway), LinkIndex = index };
        Assert.True(_route.TryAddRoute(route));
        Assert.False(_route.TryAddRoute(route));
        _route.ReplaceRoute(route);
        Route listed = Assert.Single(_route.ListRoutes(), found => found.Destination.Equals(route.Destination));
        Assert.Equal(route.Gateway, listed.Gateway);
        Assert.True(_route.TryDeleteRoute(route));
        Assert.False(_route.TryDeleteRoute(route));
    }

    [Theory]
    [InlineData("192.168.2.2", "192.168.1.1")]
    [InlineData("192.168.2.2", null)]
    public void Route_WithTunnel_IsListedAndDeleted(string remote, string? local)
    {
        Assert.True(_route.TryCreateVxlan(new VxlanLink("vx0", 4790, 1400)));
        Assert.False(_route.TryCreateVxlan(new VxlanLink("vx0", 4790, 1400)));
        Link link = _route.FindLink("vx0")!;
        Assert.Equal(("vxlan", 1400), (link.Kind, link.Mtu));
        _route.SetUp(link.Index);
        var route = new Route(IPNetwork.Parse("10.244.3.0/24")) { LinkIndex = link.Index, Tunnel = new RouteTunnel(77, IPAddress.Parse(remote)) { Local = local is null ? null : IPAddress.Parse(local) } };

        _route.ReplaceRoute(route);

        Assert.Equal(route.Tunnel, Assert.Single(_route.ListRoutes(), found => found.Destination.Equals(route.Destination)).Tunnel);
        Assert.True(_route.TryDeleteRoute(route));
        Assert.False(_route.TryDeleteRoute(route));
    }

    [Fact]
    public async Task Veth_WithAddresses_CarriesTcp()
    {
        _route.CreateVeth(new VethPair { Name = "a0", PeerName = "eth0", PeerNamespace = _pod.Network });
        _route.TryAddAddress(new LinkAddress(_route.IndexOf("a0"), IPAddress.Parse("10.9.1.1"), 24));
        using (RouteSocket pod = RouteSocket.Open(_pod.Network))
        {
            pod.TryAddAddress(new LinkAddress(pod.IndexOf("eth0"), IPAddress.Parse("10.9.1.2"), 24));
            pod.SetUp(pod.IndexOf("eth0"));
        }
        using Socket listener = _pod.Network.ListenTcp(IPEndPoint.Parse("10.9.1.2:80"));
        using Socket client = await _node.Network.ConnectTcpAsync(IPEndPoint.Parse("10.9.1.2:80"), TestContext.Current.CancellationToken);
        using Socket accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        Assert.Equal(IPAddress.Parse("10.9.1.1"), ((IPEndPoint)accepted.RemoteEndPoint!).Address);
    }
}
