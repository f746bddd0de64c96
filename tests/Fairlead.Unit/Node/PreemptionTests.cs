using Fairlead.Kube.Placement;
using Fairlead.Node.Pods;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>Room for critical pods.</summary>
public sealed class PreemptionTests
{
    private const int Critical = 2_000_001_000;
    private static readonly NodeOffer Node = new("node", new NodeResources(1000, 1L << 30, 1L << 30, default), 4);

    /// <summary>cpu in thousandths; "g": limits as requests, "u": requests, "b": nothing.</summary>
    private static V1Pod Pod(string name, string kind, int cpu, int priority = 0)
    {
        var amounts = new Dictionary<string, ResourceQuantity> { ["cpu"] = new($"{cpu}m"), ["memory"] = new("1Mi") };
        var resources = kind == "b" ? null : new V1ResourceRequirements { Requests = amounts, Limits = kind == "g" ? amounts : null };
        return new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default", Uid = name },
            Spec = new V1PodSpec { NodeName = "node", Priority = priority, Containers = [new V1Container { Name = "c", Resources = resources }] },
        };
    }

    [Theory]
    // The one that is enough, of the lowest class.
    [InlineData("g300 u300 b0", 500, "u300")]
    [InlineData("g300 g600", 500, "g600")]
    [InlineData("u300:5 u300:7 u300:6", 400, "u300:5")]
    [InlineData("u300:5 u300:7 u300:6", 900, "u300:5 u300:6 u300:7")]
    // Enough pods go when it is their number that is too large.
    [InlineData("g1 b0:1 b0:2 u1", 10, "b0:1")]
    // Those that are critical themselves stay.
    [InlineData("u600:2000001000 u300", 500, null)]
    [InlineData("u600:2000000000 u300", 500, "u600:2000000000")]
    // It is too large for the node as a whole.
    [InlineData("u300", 1100, null)]
    public void Choose_CriticalPod_TheFewestThatMatterLeast(string present, int cpu, string? victims)
    {
        V1Pod Read(string text)
        {
            var parts = text[1..].Split(':');
            return Pod(text, text[..1], int.Parse(parts[0]), parts.Length > 1 ? int.Parse(parts[1]) : 0);
        }
        var chosen = Preemption.Choose(Pod("new", "u", cpu, Critical), Node, [.. present.Split(' ').Select(Read)]);
        Assert.Equal(victims, chosen is null ? null : string.Join(' ', chosen.Value.Select(pod => pod.Metadata.Name).Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task CriticalPod_ThatDoesNotFit_TakesTheRoomOfAnother()
    {
        await using var node = NodeHarness.Start();
        void Wants(V1Pod pod, string cpu, int priority)
        {
            pod.Spec.Priority = priority;
            pod.Spec.TerminationGracePeriodSeconds = 0;
            pod.Spec.Containers[0].Resources = new V1ResourceRequirements { Requests = new Dictionary<string, ResourceQuantity> { ["cpu"] = new(cpu) } };
        }
        node.Run("small", pod => Wants(pod, "500m", 0), "/bin/sleep", "1000");
        node.Run("large", pod => Wants(pod, "1500m", 0), "/bin/sleep", "1000");
        await node.Api.WaitAsync("small", pod => pod?.Status?.Phase == "Running", "running");
        await node.Api.WaitAsync("large", pod => pod?.Status?.Phase == "Running", "running");

        node.Run("plain", pod => Wants(pod, "1", 1000), "/bin/sleep", "1000");
        node.Run("critical", pod => Wants(pod, "1", Critical), "/bin/sleep", "1000");

        await node.Api.WaitAsync("critical", pod => pod?.Status?.Phase == "Running", "running");
        var gone = node.Api.Find("large")!.Status;
        Assert.Equal(("Failed", "Preempting", "Preempted in order to admit critical pod"), (gone.Phase, gone.Reason, gone.Message));
        Assert.Equal("TerminationByKubelet", gone.Conditions.Single(condition => condition.Type == "DisruptionTarget").Reason);
        Assert.Equal("Running", node.Api.Find("small")!.Status.Phase);
        Assert.Equal("OutOfcpu", (await node.Api.WaitAsync("plain", pod => pod?.Status?.Phase == "Failed", "rejected")).Status.Reason);
        Assert.Contains(("Preempting", "Preempted in order to admit critical pod"), node.Api.Events);
    }
}
