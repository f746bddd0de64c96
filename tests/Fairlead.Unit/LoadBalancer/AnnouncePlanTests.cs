using Fairlead.Kube;
using Fairlead.LoadBalancer;
using Fairlead.LoadBalancer.Announce;
using Xunit;

namespace Fairlead.Unit.LoadBalancer;

public sealed class AnnouncePlanTests
{
    private static readonly HashSet<string> Nodes = ["node1", "node2", "node3"];

    private static BalancedService Service(int i, bool localOnly = false) =>
        new(new ObjectKey("default", $"web{i}"), $"{i}", new([]), new([$"192.0.2.{i}"]), localOnly);

    private static Situation Now(string node, IReadOnlyDictionary<string, string>? holders = null, IReadOnlySet<string>? alive = null) =>
        new(node, true, Nodes, alive ?? Nodes, holders ?? new Dictionary<string, string>(), _ => new HashSet<string>());

    private static string Winner(int i, Situation now) => AnnouncePlan.WinnerOf($"192.0.2.{i}", [Service(i)], now)!;

    [Fact]
    public void Decide_AnyServices_EachAddressIsClaimedByOneNode()
    {
        var services = Enumerable.Range(1, 100).Select(i => Service(i)).ToList();

        var claimed = Nodes.Select(node => AnnouncePlan.Decide(services, Now(node)).Claim).ToList();

        Assert.Equal(100, claimed.SelectMany(addresses => addresses).Distinct().Count());
        Assert.All(claimed, addresses => Assert.InRange(addresses.Count, 15, 60));
        Assert.Equal(100, claimed.Sum(addresses => addresses.Count));
    }

    [Fact]
    public void WinnerOf_NodeGone_OnlyItsAddressesMove()
    {
        var left = new HashSet<string> { "node1", "node3" };
        Assert.All(Enumerable.Range(1, 100), i =>
        {
            var before = Winner(i, Now("node1"));
            if (before != "node2") Assert.Equal(before, Winner(i, Now("node1", alive: left)));
        });
    }

    /// <summary>
    /// Who holds the address (w: the winner itself, o: another that lives, d: one that is dead, -: nobody), whether the node is the winner and its
    /// own Lease is fresh → what it does.
    /// </summary>
    [Theory]
    [InlineData("-", true, true, "claim")]
    [InlineData("-", false, true, "")]
    [InlineData("self", true, true, "announce")]
    [InlineData("self", false, true, "release")]
    [InlineData("self", true, false, "")]
    [InlineData("other", true, true, "")]
    [InlineData("dead", true, true, "takeover")]
    [InlineData("dead", false, true, "")]
    [InlineData("dead", true, false, "")]
    public void Decide_OneAddress_NoTwoAnnounceIt(string holder, bool isWinner, bool isFresh, string expected)
    {
        // Dead nodes stay eligible until the server notices.
        var alive = new HashSet<string> { "node1", "node2" };
        var winner = Winner(1, Now("node1", alive: alive));
        var node = isWinner ? winner : alive.Single(name => name != winner);
        var holders = new Dictionary<string, string>();
        if (holder != "-") holders["192.0.2.1"] = holder switch { "self" => node, "dead" => "node3", _ => alive.Single(name => name != node) };

        var actions = AnnouncePlan.Decide([Service(1)], Now(node, holders, alive) with { MayAnnounce = isFresh });

        var done = new[] { ("announce", actions.Announce.Count), ("claim", actions.Claim.Count), ("takeover", actions.TakeOver.Count), ("release", actions.Release.Count) };
        Assert.Equal(expected, string.Join(',', done.Where(pair => pair.Item2 > 0).Select(pair => pair.Item1)));
    }

    [Fact]
    public void Decide_ServerOutOfReachOfTheOnlyNode_GoesOn()
    {
        var situation = Now("node1", new Dictionary<string, string> { ["192.0.2.1"] = "node1" }) with { MayAnnounce = false, Eligible = new HashSet<string> { "node1" } };

        Assert.Equal("192.0.2.1", Assert.Single(AnnouncePlan.Decide([Service(1)], situation).Announce));
    }

    [Fact]
    public void Decide_ServiceGone_ReleasesItsAddress()
    {
        var situation = Now("node1", new Dictionary<string, string> { ["192.0.2.1"] = "node1", ["192.0.2.2"] = "node2" });

        Assert.Equal("192.0.2.1", Assert.Single(AnnouncePlan.Decide([], situation).Release));
    }

    [Fact]
    public void WinnerOf_PolicyLocal_OnlyNodesWithEndpoint()
    {
        BalancedService[] local = [Service(1, localOnly: true)];

        Assert.Equal("node2", AnnouncePlan.WinnerOf("192.0.2.1", local, Now("node1") with { NodesWithEndpoint = _ => new HashSet<string> { "node2" } }));
        Assert.Null(AnnouncePlan.WinnerOf("192.0.2.1", local, Now("node1")));
    }
}
