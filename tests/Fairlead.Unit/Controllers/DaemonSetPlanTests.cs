using Fairlead.Controllers.Cache;
using Fairlead.Controllers.DaemonSet;
using Fairlead.Kube;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

/// <summary>Nodes are a, b, c; a pod is its node and what it is: <c>r</c> ready, <c>u</c> not, <c>d</c> on its way out, <c>f</c> failed; <c>'</c>: of the new template.</summary>
public sealed class DaemonSetPlanTests
{
    [Theory]
    [InlineData("", "", "+a +b +c")]
    [InlineData("", "ar'", "+b +c")]
    [InlineData("", "ar' br' cr'", "")]
    // A pod on its way out holds its place, one too many goes, one that failed goes.
    [InlineData("", "ar' br' cd'", "")]
    [InlineData("", "ar' ar' br' cr'", "-a")]
    [InlineData("", "ar' br' cf'", "-c")]
    // A new template: one at a time, broken ones first and beyond the count.
    [InlineData("", "ar br cr", "-a")]
    [InlineData("", "ar br cu'", "")]
    [InlineData("", "ar bu cu", "-b -c")]
    [InlineData("max=2", "ar br cr", "-a -b")]
    [InlineData("ondelete", "ar br cr", "")]
    // Up first: a second pod beside the old one, which goes when the new one serves.
    [InlineData("surge=1", "ar br cr", "+a")]
    [InlineData("surge=1", "ar au' br cr", "")]
    [InlineData("surge=1", "ar ar' br cr", "-a +b")]
    public void Decide_OnePodANode(string options, string pods, string expected)
    {
        NodeItem[] nodes = [Given.Node("a"), Given.Node("b"), Given.Node("c")];
        var decision = DaemonSetPlan.Decide(Set(options), Pods(pods), nodes, "new", Given.Now);
        var steps = decision.Delete.Select(pod => $"-{pod.NodeName}").Concat(decision.Create.Select(node => $"+{node}"));
        Assert.Equal(expected, string.Join(' ', steps));
    }

    [Theory]
    [InlineData("", "", true, true)]
    [InlineData("NoSchedule x", "", false, true)]
    [InlineData("NoExecute x", "", false, false)]
    [InlineData("NoSchedule node.kubernetes.io/unschedulable", "", true, true)]
    [InlineData("NoExecute node.kubernetes.io/unreachable", "", true, true)]
    [InlineData("NoSchedule node.kubernetes.io/unreachable", "", false, true)]
    [InlineData("PreferNoSchedule x", "", true, true)]
    [InlineData("", "disk=ssd", false, false)]
    public void Judge_NodeAndTaints(string taint, string selector, bool runs, bool keeps)
    {
        var node = Given.Node("a");
        if (taint.Split(' ') is [var effect, var key]) node = node with { Taints = [new Taint(key, "", effect)] };
        var set = Set("");
        set = set with { Demand = set.Demand with { NodeSelector = Given.Map(selector) } };
        Assert.Equal((runs, keeps), DaemonSetPlan.Judge(set, node));
    }

    [Fact]
    public void Decide_NodeThatNoLongerFits_LosesItsPodAndIsMisscheduledUntilThen()
    {
        var node = Given.Node("a") with { Taints = [new Taint("x", "", "NoExecute")] };
        var decision = DaemonSetPlan.Decide(Set(""), Pods("ar'"), [node], "new", Given.Now);
        Assert.Single(decision.Delete);
        Assert.Equal((0, 0, 1), (decision.Status.Desired, decision.Status.Current, decision.Status.Misscheduled));
    }

    [Fact]
    public void Status_CountsNodes()
    {
        NodeItem[] nodes = [Given.Node("a"), Given.Node("b"), Given.Node("c")];
        var status = DaemonSetPlan.Decide(Set(""), Pods("ar' bu"), nodes, "new", Given.Now).Status;
        Assert.Equal((3, 2, 1, 1, 1), (status.Desired, status.Current, status.Ready, status.Updated, status.Available));
    }

    [Fact]
    public void Decide_UnscheduledPodOfAVanishedNode_IsDeleted()
    {
        var stray = Given.Pod("stray", node: "") with
        {
            Demand = Given.NoDemand with { RequiresAffinity = true, Affinity = [new NodeTerm([], [new NodeRequirement("metadata.name", "In", ["gone"])])] },
        };
        Assert.Equal("gone", DaemonSetPlan.NodeOf(stray));
        Assert.Equal(["stray"], DaemonSetPlan.Decide(Set(""), [stray], [], "new", Given.Now).Delete.Select(pod => pod.Key.Name));
    }

    private static DaemonSetItem Set(string options)
    {
        var item = DaemonSetItem.From(new V1DaemonSet
        {
            Metadata = new V1ObjectMeta { Name = "agent", NamespaceProperty = "default", Uid = "uid-agent" },
            Spec = new V1DaemonSetSpec { Selector = new V1LabelSelector(), Template = new V1PodTemplateSpec { Spec = new V1PodSpec() } },
        });
        return item with
        {
            MaxUnavailable = new(options == "max=2" ? 2 : options == "surge=1" ? 0 : 1, false),
            MaxSurge = new(options == "surge=1" ? 1 : 0, false),
            UpdatesOnDelete = options == "ondelete",
        };
    }

    private static IEnumerable<PodItem> Pods(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select((part, i) =>
    {
        var pod = Given.Pod($"agent-{i}", $"controller-revision-hash={(part.EndsWith('\'') ? "new" : "old")}", node: part[..1], ready: part[1] != 'u');
        return part[1] switch { 'd' => pod.Deleting(), 'f' => pod with { Phase = "Failed" }, _ => pod };
    });
}
