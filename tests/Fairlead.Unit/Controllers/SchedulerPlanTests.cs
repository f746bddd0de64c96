using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Scheduler;
using Fairlead.Kube.Placement;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class SchedulerPlanTests
{
    private static PodItem Pending(string name = "p", PodDemand? demand = null) =>
        Given.Pod(name, node: "", ip: "", ready: false) with { Phase = "Pending", Demand = demand ?? Given.NoDemand };

    private static Placement Place(PodItem pod, params NodeItem[] nodes) => SchedulerPlan.Place(pod, nodes, new NodeLoad());

    public static TheoryData<string, string> Misfits => new()
    {
        { "cordoned", "1 node(s) were unschedulable" },
        { "not ready", "1 node(s) had untolerated taint(s)" },
        { "tainted", "1 node(s) had untolerated taint(s)" },
        { "selector", "1 node(s) didn't match Pod's node affinity/selector" },
        { "field", "1 node(s) didn't match Pod's node affinity/selector" },
        { "empty term", "1 node(s) didn't match Pod's node affinity/selector" },
        { "cpu", "1 Insufficient cpu" },
        { "both", "1 Insufficient cpu, 1 Insufficient memory" },
        { "storage", "1 Insufficient ephemeral-storage" },
        { "device", "1 Insufficient example.com/lamp" },
        { "full", "1 Too many pods" },
    };

    [Theory]
    [MemberData(nameof(Misfits))]
    public void Place_NodeThatDoesNotFit_SaysWhy(string which, string reason)
    {
        var node = Given.Node();
        var demand = Given.NoDemand;
        (node, demand) = which switch
        {
            "cordoned" => (node with { IsUnschedulable = true }, demand),
            "not ready" => (node with { Ready = "False" }, demand),
            "tainted" => (node with { Taints = [new Taint("dedicated", "gpu", "NoSchedule")] }, demand),
            "selector" => (node, demand with { NodeSelector = Given.Map("disk=ssd") }),
            "field" => (node, demand with { RequiresAffinity = true, Affinity = [new NodeTerm([], [new NodeRequirement("metadata.name", "In", ["node-9"])])] }),
            "empty term" => (node, demand with { RequiresAffinity = true, Affinity = [new NodeTerm([], [])] }),
            "cpu" => (node, demand with { Requests = NodeResources.None with { MilliCpu = 3000 } }),
            "both" => (node, demand with { Requests = NodeResources.None with { MilliCpu = 3000, Memory = 2L << 30 } }),
            "storage" => (node, demand with { Requests = NodeResources.None with { EphemeralStorage = 1L << 40 } }),
            "device" => (node, demand with { Requests = NodeResources.None with { Others = new([new("example.com/lamp", 1)]) } }),
            _ => (node with { MaxPods = 0 }, demand),
        };
        var placement = Place(Pending(demand: demand), node);
        Assert.Null(placement.Node);
        Assert.StartsWith($"0/1 nodes are available: {reason}. no new claims to deallocate, preemption: 0/1 nodes are available: 1 ", placement.Message);
    }

    [Fact]
    public void Place_NoNodes_SaysSo() => Assert.Equal("no nodes available to schedule pods", Place(Pending()).Message);

    [Theory]
    [InlineData("dedicated", "Equal", "gpu", "NoSchedule", true)]
    [InlineData("dedicated", "Equal", "cpu", "NoSchedule", false)]
    [InlineData("dedicated", "Exists", "", "", true)]
    [InlineData("", "Exists", "", "", true)]
    [InlineData("", "Equal", "gpu", "", false)]
    [InlineData("dedicated", "Exists", "", "NoExecute", false)]
    public void Toleration_OfATaint(string key, string op, string value, string effect, bool tolerates) =>
        Assert.Equal(tolerates, new Toleration(key, op, value, effect).Tolerates(new Taint("dedicated", "gpu", "NoSchedule")));

    [Theory]
    [InlineData("zone", "In", "a,b", true)]
    [InlineData("zone", "NotIn", "a", false)]
    [InlineData("none", "NotIn", "a", true)]
    [InlineData("zone", "Exists", "", true)]
    [InlineData("none", "DoesNotExist", "", true)]
    [InlineData("cores", "Gt", "3", true)]
    [InlineData("cores", "Lt", "3", false)]
    [InlineData("zone", "Gt", "3", false)]
    public void Place_RequiredAffinity_HoldsOperators(string key, string op, string values, bool fits)
    {
        var term = new NodeTerm([new NodeRequirement(key, op, [.. values.Split(',', StringSplitOptions.RemoveEmptyEntries)])], []);
        var pod = Pending(demand: Given.NoDemand with { RequiresAffinity = true, Affinity = [term] });
        Assert.Equal(fits, Place(pod, Given.Node(labels: "zone=a,cores=4")).Node is not null);
    }

    [Fact]
    public void Place_Burst_SpreadsBeforeTheCacheKnows()
    {
        var load = new NodeLoad();
        NodeItem[] nodes = [Given.Node("n1"), Given.Node("n2"), Given.Node("n3")];
        var chosen = new List<string>();
        foreach (var pod in Enumerable.Range(0, 6).Select(i => Pending($"p{i}").Owned()))
        {
            var node = SchedulerPlan.Place(pod, nodes, load).Node!;
            load.Assume(pod, node);
            chosen.Add(node);
        }
        Assert.Equal(["n1", "n2", "n3", "n1", "n2", "n3"], chosen);
    }

    [Fact]
    public void Place_HostPort_IsTakenOnce()
    {
        var load = new NodeLoad();
        var first = Pending("a") with { Ports = [new PodPort("", 80, "TCP", 80, "")] };
        load.Assume(first, "node-1");
        var second = Pending("b") with { Ports = [new PodPort("", 80, "TCP", 80, "127.0.0.1")] };
        Assert.Contains("didn't have free ports", SchedulerPlan.Place(second, [Given.Node()], load).Message, StringComparison.Ordinal);
        load.Forget(first);
        Assert.Equal("node-1", SchedulerPlan.Place(second, [Given.Node()], load).Node);
    }

    [Fact]
    public void Load_PodGone_GivesItsShareBack()
    {
        var load = new NodeLoad();
        var pod = Given.Pod("a") with { Demand = Given.NoDemand with { Requests = NodeResources.None with { MilliCpu = 500 } } };
        load.Observe(pod.Key, pod);
        Assert.Equal((1, 500L), (load.On("node-1").Pods, load.On("node-1").MilliCpu));
        load.Observe(pod.Key, pod with { Phase = "Succeeded" });
        Assert.Equal((0, 0L), (load.On("node-1").Pods, load.On("node-1").MilliCpu));
    }
}
