using Fairlead.Kube;
using Fairlead.LoadBalancer;
using Fairlead.LoadBalancer.Announce;
using Xunit;

namespace Fairlead.Unit.LoadBalancer;

public sealed class AnnouncePlanTests
{
    private static readonly string[] Nodes = ["node1", "node2", "node3"];

    private static BalancedService Service(int i, bool localOnly = false) =>
        new(new ObjectKey("default", $"web{i}"), $"{i}", null, $"192.0.2.{i}", localOnly);

    [Fact]
    public void Decide_AnyServices_EachAddressIsAnnouncedByOneNode()
    {
        var services = Enumerable.Range(1, 100).Select(i => Service(i)).ToList();

        var announced = Nodes.Select(node => AnnouncePlan.Decide(node, services, Nodes, _ => new HashSet<string>())).ToList();

        Assert.Equal(100, announced.Sum(addresses => addresses.Count));
        Assert.Equal(100, announced.SelectMany(addresses => addresses).Distinct().Count());
        Assert.All(announced, addresses => Assert.InRange(addresses.Count, 15, 60));
    }

    [Fact]
    public void Decide_NodeGone_OnlyItsAddressesMove()
    {
        var services = Enumerable.Range(1, 100).Select(i => Service(i)).ToList();
        string[] left = ["node1", "node3"];

        foreach (var node in left)
        {
            var before = AnnouncePlan.Decide(node, services, Nodes, _ => new HashSet<string>());
            Assert.Superset(before.ToHashSet(), AnnouncePlan.Decide(node, services, left, _ => new HashSet<string>()).ToHashSet());
        }
    }

    [Fact]
    public void Decide_PolicyLocal_OnlyNodesWithEndpointAnnounce()
    {
        var with = new HashSet<string> { "node2" };

        Assert.Equal("node2", AnnouncePlan.WinnerOf(Service(1, localOnly: true), Nodes, _ => with));
        Assert.Null(AnnouncePlan.WinnerOf(Service(1, localOnly: true), Nodes, _ => new HashSet<string>()));
    }
}
