using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using Fairlead.Node.Shutdown;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node.Shutdown;

/// <summary>Which pods end when, as the machine shuts down.</summary>
public sealed class ShutdownPlanTests
{
    private static ShutdownGrace Grace(int total, int critical) => new(TimeSpan.FromSeconds(total), TimeSpan.FromSeconds(critical));

    private static V1Pod Pod(string words)
    {
        var parts = words.Split(':');
        return new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = parts[0], Uid = parts[0] },
            Spec = new V1PodSpec { Priority = parts is [_, { Length: > 0 } priority, ..] ? int.Parse(priority) : null },
            Status = new V1PodStatus { Phase = parts is [_, _, var phase] ? phase : "Running" },
        };
    }

    [Theory]
    [InlineData("a b:5", 30, 10, "20s a b")]
    [InlineData("a b:2000000000 c:2000001000 d:1999999999", 30, 10, "20s a d, 10s b c")]
    [InlineData("b:2000000000", 30, 10, "10s b")]
    // Without a share of their own, critical pods get no time.
    [InlineData("a b:2000000000", 30, 0, "30s a, 0s b")]
    [InlineData("a b:2000000000", 10, 10, "0s a, 10s b")]
    [InlineData("a::Pending b::Succeeded c::Failed", 30, 10, "20s a")]
    [InlineData("b::Succeeded", 30, 10, "")]
    public void Groups_RegularPodsFirst_EachInItsShare(string pods, int total, int critical, string expected)
    {
        var groups = ShutdownPlan.Groups(pods.Split(' ').Select(Pod), Grace(total, critical));
        Assert.Equal(expected, string.Join(", ", groups.Select(group => $"{group.Time.TotalSeconds}s {string.Join(' ', group.Pods.Select(pod => pod.Metadata.Name))}")));
    }

    [Theory]
    [InlineData(0, 0, null)]
    [InlineData(30_000, 10_000, null)]
    [InlineData(10_000, 10_000, null)]
    [InlineData(500, 0, "--shutdown-grace-period must be 0 or at least 1s")]
    [InlineData(5_000, 1, "--shutdown-grace-period-critical-pods must be 0 or at least 1s")]
    [InlineData(5_000, 6_000, "--shutdown-grace-period-critical-pods must not be longer than --shutdown-grace-period, of which it is a part")]
    public void Grace_AsKubeletTakesIt_OrWhatIsWrong(int total, int critical, string? fault) =>
        Assert.Equal(fault, new ShutdownGrace(TimeSpan.FromMilliseconds(total), TimeSpan.FromMilliseconds(critical)).Fault());

    [Theory]
    // What came with the machine begins anew with it; what the API server has to make anew does not.
    [InlineData("file", "Failed", "Terminated", false, false)]
    [InlineData("file", "Failed", "Terminated", true, true)]
    [InlineData("file", "Failed", "DeadlineExceeded", false, true)]
    [InlineData("api", "Failed", "Terminated", false, true)]
    [InlineData("file", "Running", "Terminated", false, false)]
    public void Pod_ThatEndedWithTheMachine_BeginsAnewIfStatic(string source, string phase, string reason, bool shutsDown, bool hasEnded)
    {
        var pod = Pod($"p::{phase}");
        pod.Metadata.Annotations = new Dictionary<string, string> { ["kubernetes.io/config.source"] = source };
        pod.Status.Reason = reason;
        var memory = PodMemory.Empty with { Eviction = shutsDown ? PodEviction.ByShutdown(TimeSpan.FromSeconds(1)) : null };
        Assert.Equal(hasEnded, new PodFacts(pod, PodRuntimeState.Nothing, memory, DateTimeOffset.UnixEpoch).HasEnded);
    }
}
