using Fairlead.Kube.Placement;
using Fairlead.Node.Pods;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>What kubelet refuses, and in which words.</summary>
public sealed class AdmissionTests
{
    private static readonly NodeOffer Node = new("n1", new NodeResources(2000, 1L << 30, 1L << 30, new([new("example.com/lamp", 1)])), 3)
    {
        Labels = new([("disk", "ssd"), ("kubernetes.io/hostname", "n1")]),
    };

    private static V1Pod Pod(Action<V1PodSpec>? change = null, params (string Resource, string Amount)[] requests)
    {
        var spec = new V1PodSpec
        {
            NodeName = "n1",
            Containers = [new V1Container { Name = "c", Resources = new V1ResourceRequirements { Requests = requests.ToDictionary(pair => pair.Resource, pair => new ResourceQuantity(pair.Amount)) } }],
        };
        change?.Invoke(spec);
        return new V1Pod { Metadata = new V1ObjectMeta { Name = "p", NamespaceProperty = "default", Uid = Guid.NewGuid().ToString() }, Spec = spec };
    }

    [Theory]
    [InlineData("net.ipv4.tcp_syncookies", false, null)]
    [InlineData("net/ipv4/tcp_syncookies", false, null)]
    [InlineData("net.core.somaxconn", false, null)]
    [InlineData("kernel.msgmax", false, null)]
    [InlineData("kernel.shmmax", false, "\"kernel.shmmax\" not allowlisted")]
    [InlineData("net.ipv4.tcp_syncookies", true, "\"net.ipv4.tcp_syncookies\" not allowed with host net enabled")]
    public void Pod_SetsASysctl_IsRefusedUnlessItIsSafeOrAllowed(string name, bool hostNetwork, string? why)
    {
        var pod = Pod(spec =>
        {
            spec.HostNetwork = hostNetwork;
            spec.SecurityContext = new V1PodSecurityContext { Sysctls = [new V1Sysctl { Name = name, Value = "1" }] };
        });

        var verdict = AdmissionRule.Check(pod, Node with { AllowedSysctls = ["kernel.msg*", "net/core/somaxconn"] }, []);

        Assert.Equal(why is null ? null : new PodVerdict("SysctlForbidden", $"forbidden sysctl: {why}"), verdict);
    }

    public static TheoryData<string, string, string> Shortages => new()
    {
        { "cpu=1500m", "OutOfcpu", "cpu, requested: 1500, used: 1000, capacity: 2000" },
        { "cpu=10", "OutOfcpu", "cpu, requested: 10000, used: 1000, capacity: 2000" },
        { "memory=1Gi", "OutOfmemory", "memory, requested: 1073741824, used: 104857600, capacity: 1073741824" },
        { "ephemeral-storage=2Gi", "OutOfephemeral-storage", "ephemeral-storage, requested: 2147483648, used: 0, capacity: 1073741824" },
        { "example.com/lamp=2", "OutOfexample.com/lamp", "example.com/lamp, requested: 2, used: 0, capacity: 1" },
        { "cpu=5,memory=5Gi", "OutOfcpu", "cpu, requested: 5000, used: 1000, capacity: 2000" },
    };

    [Theory]
    [MemberData(nameof(Shortages))]
    public void Pod_AsksForMoreThanIsLeft_IsRefusedForTheFirstThingThatIsShort(string requests, string reason, string what)
    {
        var asked = requests.Split(',').Select(pair => pair.Split('=')).Select(pair => (pair[0], pair[1])).ToArray();
        var verdict = AdmissionRule.Check(Pod(null, asked), Node, [Pod(null, ("cpu", "1"), ("memory", "100Mi"))]);
        Assert.Equal(new PodVerdict(reason, $"Node didn't have enough resource: {what}"), verdict);
    }

    [Theory]
    [InlineData("cpu=1")]
    [InlineData("cpu=0,memory=900Mi")]
    [InlineData("example.com/lamp=1")]
    [InlineData("example.com/of-the-cluster=100")]
    public void Pod_ThatFits_IsTaken(string requests)
    {
        var asked = requests.Split(',').Select(pair => pair.Split('=')).Select(pair => (pair[0], pair[1])).ToArray();
        Assert.Null(AdmissionRule.Check(Pod(null, asked), Node, [Pod(null, ("cpu", "1"))]));
    }

    [Fact]
    public void Pod_OneTooMany_IsRefusedEvenIfItAsksForNothing() =>
        Assert.Equal(new PodVerdict("OutOfpods", "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"), AdmissionRule.Check(Pod(), Node, [Pod(), Pod(), Pod()]));

    [Fact]
    public void Pod_OverfullNode_TakesWhoAsksForNothing() =>
        Assert.Null(AdmissionRule.Check(Pod(null, ("memory", "1Mi")), Node, [Pod(null, ("cpu", "9"))]));

    public static TheoryData<string, string, string> Misfits => new()
    {
        { "selector", "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" },
        { "affinity", "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" },
        { "field", "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" },
        { "empty term", "NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" },
        { "name", "NodeName", "Predicate NodeName failed: node(s) didn't match the requested node name" },
        { "taint", "TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate" },
        { "os", "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS" },
    };

    [Theory]
    [MemberData(nameof(Misfits))]
    public void Pod_ThatDoesNotBelongHere_IsRefused(string which, string reason, string message)
    {
        static void Require(V1PodSpec spec, V1NodeSelectorTerm term) => spec.Affinity = new V1Affinity
        {
            NodeAffinity = new V1NodeAffinity { RequiredDuringSchedulingIgnoredDuringExecution = new V1NodeSelector { NodeSelectorTerms = [term] } },
        };
        var node = which == "taint" ? Node with { Taints = new([("broken", "yes")]) } : Node;
        var pod = Pod(spec =>
        {
            if (which == "selector") spec.NodeSelector = new Dictionary<string, string> { ["disk"] = "tape" };
            if (which == "affinity") Require(spec, new V1NodeSelectorTerm { MatchExpressions = [new V1NodeSelectorRequirement { Key = "disk", OperatorProperty = "NotIn", Values = ["ssd"] }] });
            if (which == "field") Require(spec, new V1NodeSelectorTerm { MatchFields = [new V1NodeSelectorRequirement { Key = "metadata.name", OperatorProperty = "In", Values = ["n2"] }] });
            if (which == "empty term") Require(spec, new V1NodeSelectorTerm());
            if (which == "name") spec.NodeName = "n2";
            if (which == "os") spec.Os = new V1PodOS { Name = "windows" };
        });
        Assert.Equal(new PodVerdict(reason, message), AdmissionRule.Check(pod, node, []));
    }

    [Fact]
    public void Pod_MatchesAndTolerates_IsTaken()
    {
        var pod = Pod(spec =>
        {
            spec.NodeSelector = new Dictionary<string, string> { ["disk"] = "ssd" };
            spec.Tolerations = [new V1Toleration { Key = "broken", OperatorProperty = "Exists", Effect = "NoExecute" }];
        });
        Assert.Null(AdmissionRule.Check(pod, Node with { Taints = new([("broken", "yes")]) }, []));
    }

    [Fact]
    public void Offer_OfANode_IsEqualWhateverItsHeartbeatSays()
    {
        static NodeOffer Of(DateTime beat) => NodeOffer.Of(new V1Node
        {
            Metadata = new V1ObjectMeta { Name = "n1", Labels = new Dictionary<string, string> { ["a"] = "b" } },
            Spec = new V1NodeSpec { Taints = [new V1Taint { Key = "k", Effect = "NoExecute" }, new V1Taint { Key = "soft", Effect = "NoSchedule" }] },
            Status = new V1NodeStatus
            {
                Allocatable = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("1500m"), ["memory"] = new("1Ki"), ["pods"] = new("7"), ["example.com/lamp"] = new("2") },
                Conditions = [new V1NodeCondition { Type = "Ready", Status = "True", LastHeartbeatTime = beat }],
            },
        });
        var offer = Of(DateTime.UnixEpoch);
        Assert.Equal(offer, Of(DateTime.UnixEpoch.AddHours(1)));
        Assert.Equal((1500, 1024, 7, 2L), (offer.Allocatable.MilliCpu, offer.Allocatable.Memory, offer.MaxPods, offer.Allocatable.Other("example.com/lamp")));
        Assert.Equal([("k", "")], offer.Taints);
    }

    [Fact]
    public async Task Node_FullByRequests_RefusesTheNextPodAndKeepsItsOwnOverARestart()
    {
        await using var node = NodeHarness.Start();
        static void Ask(V1Pod pod) => pod.Spec.Containers[0].Resources = new V1ResourceRequirements { Requests = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("1500m") } };
        node.Run("first", Ask, "/bin/sleep", "1000");
        await node.Api.WaitAsync("first", pod => pod?.Status?.Phase == "Running", "running");

        node.Run("second", Ask, "/bin/sleep", "1000");
        var second = await node.Api.WaitAsync("second", pod => pod?.Status?.Phase == "Failed", "failed");
        await node.RestartAgentAsync();
        node.Run("third", pod => pod.Spec.Containers[0].Resources = new V1ResourceRequirements { Requests = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("500m") } }, "/bin/sleep", "1000");
        await node.Api.WaitAsync("third", pod => pod?.Status?.Phase == "Running", "running");

        Assert.Equal(("OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu, requested: 1500, used: 1500, capacity: 2000"), (second.Status.Reason, second.Status.Message));
        Assert.Equal("Running", node.Api.Find("first")!.Status.Phase);
        Assert.Empty(node.Api.Find("second")!.Status.ContainerStatuses ?? []);
    }
}
