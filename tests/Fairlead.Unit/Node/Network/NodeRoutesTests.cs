using System.Net;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Node;
using Fairlead.Node.Network;
using Fairlead.Unit.Linux;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Node.Network;

public sealed class NodeRoutesTests
{
    private static readonly NodePlace[] Nodes =
    [
        new("self", "10.244.0.0/24", "192.168.1.1"), new("near", "10.244.1.0/24", "192.168.1.2"), new("far", "10.244.2.0/24", "192.168.2.2"),
        new("without-range", null, "192.168.1.3"), new("without-address", "10.244.3.0/24", null),
    ];

    [Theory]
    [InlineData(VxlanMode.Never, "10.244.1.0/24 by 192.168.1.2, 10.244.2.0/24 by 192.168.2.2")]
    [InlineData(VxlanMode.CrossSubnet, "10.244.1.0/24 by 192.168.1.2, 10.244.2.0/24 wrapped to 192.168.2.2")]
    [InlineData(VxlanMode.Always, "10.244.1.0/24 wrapped to 192.168.1.2, 10.244.2.0/24 wrapped to 192.168.2.2")]
    public void Plan_Wraps_WhatTheModeSays(VxlanMode mode, string expected)
    {
        var plan = NodeRoutes.Plan(Nodes, "self", mode, [IPNetwork.Parse("192.168.1.0/24"), IPNetwork.Parse("10.244.0.0/24")]);

        Assert.Equal(expected, string.Join(", ", plan.OrderBy(way => way.Key.ToString(), StringComparer.Ordinal).Select(way => $"{way.Key} {(way.Value.IsWrapped ? "wrapped to" : "by")} {way.Value.Node}")));
    }

    [Fact]
    public void Apply_SetsTheRoutes_FollowsTheNodes_AndRemoveLeavesNothing()
    {
        using var space = new TestNamespace("routes");
        using var socket = RouteSocket.Open(space.Network);
        socket.TryCreateBridge("eth0");
        socket.SetMtu(socket.IndexOf("eth0"), 1400);
        socket.TryAddAddress(new LinkAddress(socket.IndexOf("eth0"), IPAddress.Parse("192.168.1.1"), 24));
        socket.SetUp(socket.IndexOf("eth0"));
        var folder = Directory.CreateTempSubdirectory("fairlead-routes-").FullName;
        var network = new PodNetwork(space.Network, "fl-pods", folder);
        network.Configure(IPNetwork.Parse("10.244.0.0/24"));
        var options = new NodeAgentOptions { ClusterName = "t", NodeName = "self", InternalAddress = IPAddress.Parse("192.168.1.1"), Vxlan = VxlanMode.CrossSubnet };
        var routes = new NodeRoutes(network, options, NullLogger.Instance);

        routes.Apply(Nodes);
        Assert.Equal("10.244.1.0/24 via 192.168.1.2 | 10.244.2.0/24 to 192.168.2.2 from 10.244.0.1", Ours(socket));
        Assert.Equal(1364, socket.FindLink(NodeTunnel.Name)!.Mtu);
        // The far one moved, the near one is gone.
        routes.Apply([Nodes[0], Nodes[2] with { Address = "192.168.3.3" }]);
        Assert.Equal("10.244.2.0/24 to 192.168.3.3 from 10.244.0.1", Ours(socket));
        new NodeRoutes(network, options with { Vxlan = VxlanMode.Never }, NullLogger.Instance).Apply([Nodes[0], Nodes[1]]);
        Assert.Equal("10.244.1.0/24 via 192.168.1.2", Ours(socket));
        Assert.Null(socket.FindLink(NodeTunnel.Name));

        routes.Apply(Nodes);
        NodeRoutes.Remove(space.Network);
        Assert.Equal("", Ours(socket));
        Assert.Null(socket.FindLink(NodeTunnel.Name));
        Directory.Delete(folder, recursive: true);
    }

    private static string Ours(RouteSocket socket) => string.Join(" | ", socket.ListRoutes().Where(route => route.Protocol == 199).OrderBy(route => route.Destination.ToString(), StringComparer.Ordinal)
        .Select(route => route.Tunnel is { } tunnel ? $"{route.Destination} to {tunnel.Remote} from {route.Source}" : $"{route.Destination} via {route.Gateway}"));
}
