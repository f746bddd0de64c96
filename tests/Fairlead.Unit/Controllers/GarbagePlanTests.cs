using Fairlead.Controllers;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.GarbageCollector;
using Fairlead.Kube;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class GarbagePlanTests
{
    private static readonly ApiKind Pods = new("", "v1", "Pod", "pods", true);

    private static ObjectMeta Meta(string uid, params string[] owners) =>
        Given.Meta(uid) with { Owners = [.. owners.Select(owner => new OwnerReference("v1", "X", owner, owner, false, true))] };

    /// <summary>Owners are named by their state: s… solid, w… waiting, a… absent.</summary>
    private static OwnerState State(OwnerReference owner) =>
        owner.Uid[0] switch { 's' => OwnerState.Solid, 'w' => OwnerState.Waiting, _ => OwnerState.Absent };

    [Theory]
    [InlineData("", "", false, "None")]
    [InlineData("s1", "", false, "None")]
    [InlineData("a1", "", false, "Delete Background")]
    [InlineData("a1", "foregroundDeletion", false, "Delete Foreground")]
    [InlineData("a1", "orphan", false, "Delete Orphan")]
    [InlineData("s1,a1", "", false, "DropOwners a1")]
    [InlineData("s1,w1", "", false, "DropOwners w1")]
    [InlineData("w1", "", false, "Delete Background")]
    [InlineData("w1", "", true, "Delete Foreground")]
    public void Decide_ByOwners(string owners, string finalizers, bool hasDependents, string expected)
    {
        var meta = Meta("x", owners.Split(',', StringSplitOptions.RemoveEmptyEntries)) with { Finalizers = [.. finalizers.Split(',', StringSplitOptions.RemoveEmptyEntries)] };
        GraphNode[] dependents = hasDependents ? [new GraphNode(Pods, new ObjectKey("default", "d"), Meta("d", "x"))] : [];
        var action = GarbagePlan.Decide(meta, State, dependents);
        Assert.Equal(expected, $"{action.Verb} {action.Policy}{string.Join(',', action.Owners)}".Trim());
    }

    [Fact]
    public void Decide_BetweenAWaitingOwnerAndAWaitingDependent_LetsTheOwnerGo()
    {
        var dependent = Meta("d", "x") with { Deleted = Given.Now, Finalizers = ["foregroundDeletion"] };
        var action = GarbagePlan.Decide(Meta("x", "w1"), State, [new GraphNode(Pods, new ObjectKey("default", "d"), dependent)]);
        Assert.Equal((GarbageVerb.UnblockAndDelete, "Foreground"), (action.Verb, action.Policy));
    }

    [Theory]
    [InlineData("", true, GarbageVerb.None)]
    [InlineData("orphan", true, GarbageVerb.Orphan)]
    [InlineData("foregroundDeletion", true, GarbageVerb.AwaitDependents)]
    [InlineData("foregroundDeletion", false, GarbageVerb.FinishForeground)]
    public void Decide_BeingDeleted_ByFinalizer(string finalizer, bool hasDependents, object expected)
    {
        var meta = Meta("x", "a1") with { Deleted = Given.Now, Finalizers = finalizer.Length == 0 ? [] : [finalizer] };
        GraphNode[] dependents = hasDependents ? [new GraphNode(Pods, new ObjectKey("default", "d"), Meta("d", "x"))] : [];
        Assert.Equal(expected, GarbagePlan.Decide(meta, State, dependents).Verb);
    }

    [Fact]
    public void Graph_OwnerGone_LooksAtItsDependents()
    {
        var graph = new OwnerGraph();
        var owner = Given.Meta("rc");
        graph.Apply(Pods, new ObjectKey("default", "rc"), null, owner);
        graph.Apply(Pods, new ObjectKey("default", "p1"), null, Meta("p1", "rc"));
        Assert.Equal(["p1"], graph.Apply(Pods, new ObjectKey("default", "rc"), owner, null));
        Assert.True(graph.IsAbsent("rc"));
        Assert.Equal(["p1"], graph.DependentsOf("rc").Select(node => node.Meta.Uid));
    }

    [Fact]
    public void Graph_LastDependentGone_LooksAtItsOwner()
    {
        var graph = new OwnerGraph();
        graph.Apply(Pods, new ObjectKey("default", "p1"), null, Meta("p1", "rc"));
        Assert.Equal(["rc"], graph.Apply(Pods, new ObjectKey("default", "p1"), Meta("p1", "rc"), null));
        Assert.Empty(graph.DependentsOf("rc"));
    }

    [Fact]
    public void Graph_SameNameAnotherObject_IsNotTheOldOne()
    {
        var graph = new OwnerGraph();
        var old = Given.Meta("rc-1");
        graph.Apply(Pods, new ObjectKey("default", "rc"), null, old);
        graph.Apply(Pods, new ObjectKey("default", "p1"), null, Meta("p1", "rc-1"));
        Assert.Contains("p1", graph.Apply(Pods, new ObjectKey("default", "rc"), old, Given.Meta("rc-2")));
        Assert.Null(graph.Find("rc-1"));
    }
}
