using Fairlead.Controllers.Cache;
using Fairlead.Controllers.NodeIpam;
using Fairlead.Controllers.NodeLifecycle;
using Fairlead.Controllers.PodGC;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class NodePlanTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(40);

    [Theory]
    [InlineData("True", 5, false, true, "")]
    [InlineData("True", 41, true, false, "unreachable:NoSchedule,unreachable:NoExecute")]
    [InlineData("Unknown", 41, false, false, "unreachable:NoSchedule,unreachable:NoExecute")]
    [InlineData("Unknown", 1, false, false, "unreachable:NoSchedule,unreachable:NoExecute")]
    [InlineData("False", 5, false, false, "not-ready:NoSchedule,not-ready:NoExecute")]
    [InlineData("False", 41, true, false, "unreachable:NoSchedule,unreachable:NoExecute")]
    [InlineData("", 5, false, false, "")]
    [InlineData("", 41, true, false, "unreachable:NoSchedule,unreachable:NoExecute")]
    public void Lifecycle_ByReadyAndSilence(string ready, int silence, bool markUnknown, bool isReady, string taints)
    {
        var verdict = NodeLifecyclePlan.Decide(Given.Node(ready: ready), TimeSpan.FromSeconds(silence), Grace);
        Assert.Equal((markUnknown, isReady), (verdict.MarkUnknown, verdict.IsReady));
        Assert.Equal(taints, string.Join(',', verdict.Taints.Select(taint => $"{taint.Key.Split('/')[1]}:{taint.Effect}")));
    }

    [Fact]
    public void Lifecycle_Cordoned_IsTaintedToo()
    {
        var verdict = NodeLifecyclePlan.Decide(Given.Node() with { IsUnschedulable = true }, TimeSpan.Zero, Grace);
        Assert.Equal([new Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")], verdict.Taints);
    }

    [Fact]
    public void Lifecycle_ForeignTaints_DoNotCount()
    {
        var node = Given.Node() with { Taints = [new Taint("dedicated", "gpu", "NoSchedule")] };
        Assert.True(NodeLifecyclePlan.HasTaints(node, NodeLifecyclePlan.Decide(node, TimeSpan.Zero, Grace)));
    }

    [Fact]
    public void Pool_HandsEveryBlockOutOnce()
    {
        var pool = new CidrPool("10.244.0.0/22", 24);
        Assert.True(pool.Take("10.244.1.0/24"));
        Assert.Equal(["10.244.0.0/24", "10.244.2.0/24", "10.244.3.0/24", null], Enumerable.Range(0, 4).Select(_ => pool.Allocate()));
        pool.Release("10.244.2.0/24");
        Assert.Equal("10.244.2.0/24", pool.Allocate());
    }

    [Theory]
    [InlineData("fd00:10:244::/56", 64, "fd00:10:244:1::/64")]
    [InlineData("10.244.0.0/16", 24, "10.244.1.0/24")]
    [InlineData("10.244.0.0/16", 20, "10.244.16.0/20")]
    public void Pool_SecondBlock_FollowsTheFirst(string network, int prefix, string second)
    {
        var pool = new CidrPool(network, prefix);
        pool.Allocate();
        Assert.Equal(second, pool.Allocate());
    }

    [Theory]
    [InlineData("10.244.0.0/16", false)]
    [InlineData("10.245.1.0/24", false)]
    [InlineData("10.243.255.0/24", false)]
    [InlineData("nonsense", false)]
    [InlineData("10.244.255.0/24", true)]
    public void Pool_ForeignBlock_IsNotTaken(string block, bool taken) => Assert.Equal(taken, new CidrPool("10.244.0.0/16", 24).Take(block));

    [Fact]
    public void PodGc_TakesPodsOfGoneNodesAndDeletedPodsWithoutOne()
    {
        PodItem[] pods =
        [
            Given.Pod("stays", node: "here"), Given.Pod("lost", node: "gone"), Given.Pod("lost-done", node: "gone") with { Phase = "Succeeded" },
            Given.Pod("pending", node: ""), Given.Pod("cancelled", node: "").Deleting(),
        ];
        Assert.Equal(["lost", "lost-done", "cancelled"], PodGcPlan.Doomed(pods, node => node == "gone").Select(pod => pod.Key.Name));
    }
}
