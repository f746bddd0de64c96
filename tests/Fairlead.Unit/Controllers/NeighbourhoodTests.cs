using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Scheduler;
using Xunit;

namespace Fairlead.Unit.Controllers;

/// <summary>Two nodes in zone a (a1, a2), one in zone b (b1), one without a zone (n1).</summary>
public sealed class NeighbourhoodTests
{
    private const string Zone = "zone";
    private static readonly NodeItem[] Nodes =
    [
        Given.Node("a1", labels: "zone=a,host=a1"), Given.Node("a2", labels: "zone=a,host=a2"), Given.Node("b1", labels: "zone=b,host=b1"), Given.Node("n1", labels: "host=n1"),
    ];

    [Theory]
    // Beside a pod of app=db in a1: its zone.
    [InlineData("with db", "db@a1", "a1 a2")]
    [InlineData("with db", "web@a1", "")]
    // The first of a group that wants itself may begin anywhere where there is a zone.
    [InlineData("with web", "", "a1 a2 b1")]
    [InlineData("with web", "web@b1", "b1")]
    // Away from it: every other zone, and nodes that are in none.
    [InlineData("without db", "db@a1", "b1 n1")]
    [InlineData("without web", "web@a1 web@b1", "n1")]
    // One that is there and wants no web beside it.
    [InlineData("", "shy@a1", "b1 n1")]
    // At most one more in one zone than in the other.
    [InlineData("spread", "web@a1", "b1")]
    [InlineData("spread", "web@a1 web@b1", "a1 a2 b1")]
    [InlineData("spread", "web@a1 db@b1", "b1")]
    public void Check_NodesThatFit(string wish, string placed, string fitting)
    {
        var load = Load(placed);
        var hood = Neighbourhood.Of(Pod("web", wish), Nodes, load);
        Assert.Equal(fitting, string.Join(' ', Nodes.Where(node => hood.Check(node) is null).Select(node => node.Name)));
    }

    [Theory]
    [InlineData("with db", "", "4 node(s) didn't match pod affinity rules")]
    [InlineData("without web", "web@a1 web@b1 web@n1", "3 node(s) didn't match pod anti-affinity rules")]
    [InlineData("spread", "", "1 node(s) didn't match pod topology spread constraints (missing required label)")]
    public void Place_NoNodeFits_SaysWhy(string wish, string placed, string reason)
    {
        var nodes = wish == "spread" ? Nodes[3..] : wish == "with db" ? Nodes : Nodes[..3];
        var message = SchedulerPlan.Place(Pod("web", wish), nodes, Load(placed)).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10, "db@b1", "b1")]
    [InlineData(-10, "db@a1", "b1")]
    public void Place_Preference_GoesBeforeSpreading(int weight, string placed, string node)
    {
        var pod = Pod("web", "");
        pod = pod with { Demand = pod.Demand with { Neighbours = new PodAffinity { PreferredPods = [(weight, Term("db"))] } } };
        Assert.Equal(node, SchedulerPlan.Place(pod, Nodes[..3], Load(placed)).Node);
    }

    private static NodeLoad Load(string placed)
    {
        var load = new NodeLoad();
        foreach (var part in placed.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var (app, node) = (part.Split('@')[0], part.Split('@')[1]);
            load.Assume(Pod(app, app == "shy" ? "without web" : "") with { Key = new("default", part) }, node);
        }
        return load;
    }

    private static PodItem Pod(string app, string wish)
    {
        var neighbours = wish.Split(' ') switch
        {
            ["with", var other] => new PodAffinity { With = [Term(other)] },
            ["without", var other] => new PodAffinity { Without = [Term(other)] },
            ["spread"] => new PodAffinity { Spread = [new SpreadRule(1, Zone, Selector("web"), true, 1, [])] },
            _ => PodAffinity.None,
        };
        return Given.Pod(app, $"app={app}", node: "") with { Demand = Given.NoDemand with { Neighbours = neighbours } };
    }

    private static PodTerm Term(string app) => new(Selector(app), Zone, [], false);

    private static SelectorItem Selector(string app) => new(Given.Map($"app={app}"));
}
