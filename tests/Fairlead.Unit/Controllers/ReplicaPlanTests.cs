using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Replicas;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class ReplicaPlanTests
{
    [Theory]
    [InlineData(3, 0, 3, 0)]
    [InlineData(3, 3, 0, 0)]
    [InlineData(5, 3, 2, 0)]
    [InlineData(1, 3, 0, 2)]
    [InlineData(0, 3, 0, 3)]
    [InlineData(2000, 0, 500, 0)]
    public void Decide_Count_CreatesOrDeletesTheDifference(int wanted, int present, int create, int delete)
    {
        var pods = Enumerable.Range(0, present).Select(i => Given.Pod($"p{i}").Owned());
        var decision = ReplicaPlan.Decide(Given.Replicas(wanted), pods, Given.Now);
        Assert.Equal((create, delete), (decision.Create, decision.Delete.Count));
    }

    [Fact]
    public void Decide_FinishedOrDeletedPod_IsReplaced()
    {
        PodItem[] pods = [Given.Pod("a").Owned().Deleting(), Given.Pod("b").Owned() with { Phase = "Failed" }, Given.Pod("c").Owned()];
        Assert.Equal(2, ReplicaPlan.Decide(Given.Replicas(3), pods, Given.Now).Create);
    }

    [Fact]
    public void Decide_OrphanThatMatches_IsAdoptedAndCounts()
    {
        var decision = ReplicaPlan.Decide(Given.Replicas(2), [Given.Pod("orphan"), Given.Pod("mine").Owned()], Given.Now);
        Assert.Equal(["orphan"], decision.Adopt.Select(pod => pod.Key.Name));
        Assert.Equal(0, decision.Create);
    }

    [Fact]
    public void Decide_PodWhoseLabelsChanged_IsReleasedAndReplaced()
    {
        var decision = ReplicaPlan.Decide(Given.Replicas(1), [Given.Pod("left", "app=other").Owned()], Given.Now);
        Assert.Equal(["left"], decision.Release.Select(pod => pod.Key.Name));
        Assert.Equal(1, decision.Create);
    }

    [Fact]
    public void Decide_PodOfAnotherOwner_IsLeftAlone()
    {
        var decision = ReplicaPlan.Decide(Given.Replicas(1), [Given.Pod("theirs").Owned("uid-other")], Given.Now);
        Assert.Empty(decision.Adopt);
        Assert.Empty(decision.Release);
        Assert.Equal(1, decision.Create);
    }

    [Fact]
    public void Decide_OwnerBeingDeleted_DoesNothing()
    {
        var owner = Given.Replicas(3);
        owner = owner with { Meta = owner.Meta with { Deleted = Given.Now } };
        var decision = ReplicaPlan.Decide(owner, [Given.Pod("orphan"), Given.Pod("left", "app=other").Owned()], Given.Now);
        Assert.Equal((0, 0, 0, 0), (decision.Create, decision.Delete.Count, decision.Adopt.Count, decision.Release.Count));
    }

    public static TheoryData<string> RankedPairs => ["unassigned", "pending", "unready", "cheaper", "crowded", "ready later", "restarted", "younger"];

    [Theory]
    [MemberData(nameof(RankedPairs))]
    public void Ranking_WorsePod_GoesFirst(string rule)
    {
        var better = Given.Pod("better", node: "node-a");
        var worse = Given.Pod("worse", node: "node-a");
        PodItem[] others = [];
        (better, worse, others) = rule switch
        {
            "unassigned" => (better, worse with { NodeName = "" }, others),
            "pending" => (better, worse with { Phase = "Pending" }, others),
            "unready" => (better, worse with { IsReady = false }, others),
            "cheaper" => (better with { DeletionCost = 5 }, worse, others),
            "crowded" => (better with { NodeName = "node-b" }, worse, [Given.Pod("other", node: "node-a") with { DeletionCost = 9 }]),
            "ready later" => (better, worse with { ReadyChanged = Given.Now.AddSeconds(-3) }, others),
            "restarted" => (better, worse with { Restarts = 2 }, others),
            _ => (better, worse with { Meta = worse.Meta with { Created = Given.Now.AddSeconds(-3) } }, others),
        };
        Assert.Equal("worse", PodRanking.First([better, .. others, worse], 1, Given.Now).Single().Key.Name);
    }

    [Fact]
    public void Status_MinReadySeconds_DelaysAvailability()
    {
        var owner = Given.Replicas(2) with { MinReadySeconds = 10 };
        PodItem[] pods = [Given.Pod("old"), Given.Pod("fresh", "app=kubia,x=y") with { ReadyChanged = Given.Now.AddSeconds(-4) }, Given.Pod("off", ready: false)];
        var status = ReplicaPlan.Status(owner, pods, ("", ""), Given.Now);
        Assert.Equal((3, 3, 2, 1), (status.Replicas, status.FullyLabeled, status.Ready, status.Available));
        Assert.Equal(TimeSpan.FromSeconds(6), ReplicaPlan.UntilAvailable(owner.MinReadySeconds, pods, Given.Now));
    }
}
