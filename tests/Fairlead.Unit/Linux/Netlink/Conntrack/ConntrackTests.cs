using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Netlink.Conntrack;
using Fairlead.Linux.Netlink.NfTables;
using Xunit;

namespace Fairlead.Unit.Linux.Netlink.Conntrack;

public sealed class ConntrackTests : IDisposable
{
    private readonly TestNamespace _network = new("ct");

    public ConntrackTests()
    {
        // A rule that asks for the flow's status makes the namespace track flows at all.
        var table = new Table(TableFamily.IPv4, "ut-ct");
        var transaction = new Transaction(table);
        transaction.Add(new Change.AddTable());
        transaction.Add(new Change.AddChain(new Chain("out", new BaseHook(ChainType.Filter, HookPoint.Output, 0))));
        transaction.Add(new Change.AddRule(new Rule("out", [new MatchBits(Selector.FlowStatus, 1), new Counter()])));
        using KernelNfTables tables = KernelNfTables.Open(_network.Network);
        Assert.Null(tables.Commit(transaction));
    }

    public void Dispose() => _network.Dispose();

    [Fact]
    public void List_UdpFlow_IsFoundAndDeletedOnce()
    {
        using Socket socket = _network.Network.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using Socket server = _network.Network.CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 5353));
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 4444));
        socket.SendTo([1], new IPEndPoint(IPAddress.Loopback, 5353));
        using ConntrackSocket conntrack = ConntrackSocket.Open(_network.Network);
        Flow flow = Assert.Single(conntrack.List(ipv6: false, 17, flow => flow.Original.DestinationPort == 5353));
        Assert.Equal(new FlowTuple(IPAddress.Loopback, IPAddress.Loopback, 4444, 5353), flow.Original);
        Assert.Equal(new FlowTuple(IPAddress.Loopback, IPAddress.Loopback, 5353, 4444), flow.Reply);
        Assert.Empty(conntrack.List(ipv6: false, 6, _ => true));
        Assert.Empty(conntrack.List(ipv6: true, 17, _ => true));
        Assert.True(conntrack.TryDelete(flow));
        Assert.False(conntrack.TryDelete(flow));
        Assert.Empty(conntrack.List(ipv6: false, 17, _ => true));
    }
}
