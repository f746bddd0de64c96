using System.Collections.Immutable;
using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>The pure rules: what is done next, what is said of it.</summary>
public sealed class PodRulesTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, 0, 10)]
    [InlineData(10, 1, 20)]
    [InlineData(160, 1, 300)]
    [InlineData(300, 1, 300)]
    [InlineData(300, 601, 10)]
    public void BackOff_Next_DoublesAndIsForgottenAfterTenMinutes(int delay, int ranSeconds, int expected)
    {
        var entry = delay == 0 ? null : new RestartBackOff(TimeSpan.FromSeconds(delay), Now);
        Assert.Equal(expected, RestartBackOff.Next(entry, Now.AddSeconds(ranSeconds), Now).Delay.TotalSeconds);
    }

    [Theory]
    [InlineData(10, "10s")]
    [InlineData(80, "1m20s")]
    [InlineData(300, "5m0s")]
    public void BackOff_Text_IsGos(int seconds, string expected) => Assert.Equal(expected, RestartBackOff.Text(TimeSpan.FromSeconds(seconds)));

    /// <summary>Containers as name:phase:code:attempt; s, r, x = sandbox only, running, exited.</summary>
    [Theory]
    [InlineData("Always", "", "sandbox")]
    [InlineData("Always", "-", "start main 0")]
    [InlineData("Always", "r", "")]
    [InlineData("Always", "x0", "start main 1")]
    [InlineData("Always", "x1", "start main 1")]
    [InlineData("OnFailure", "x1", "start main 1")]
    [InlineData("OnFailure", "x0", "stop sandbox")]
    [InlineData("Never", "x1", "stop sandbox")]
    [InlineData("Never", "x0", "stop sandbox")]
    public void Plan_OfALivingPod_FollowsTheRestartPolicy(string policy, string containers, string expected)
    {
        var facts = Facts(policy, containers);
        Assert.Equal(expected, Text(PodPlan.Decide(facts)));
    }

    [Theory]
    [InlineData("", "finish")]
    [InlineData("-", "stop sandbox, finish")]
    [InlineData("r", "stop main 5")]
    [InlineData("x143", "stop sandbox, finish")]
    public void Plan_OfADeletedPod_EndsIt(string containers, string expected)
    {
        var facts = Facts("Always", containers);
        facts.Pod.Metadata.DeletionTimestamp = Now.UtcDateTime;
        facts.Pod.Metadata.DeletionGracePeriodSeconds = 5;
        Assert.Equal(expected, Text(PodPlan.Decide(facts)));
    }

    /// <summary>A pod with the sidecars a and b: what is alive of it, and the seconds that are left of its grace of 20.</summary>
    [Theory]
    [InlineData("main a b", 20, "stop main 20")]
    [InlineData("a b", 12, "stop b 12")]
    [InlineData("a", 7, "stop a 7")]
    [InlineData("a", -3, "stop a 2")]
    [InlineData("", 5, "stop sandbox, finish")]
    public void Plan_OfADeletedPodWithSidecars_EndsThemLast(string alive, int left, string expected)
    {
        var facts = WithSidecars(alive);
        facts.Pod.Metadata.DeletionTimestamp = Now.AddSeconds(left).UtcDateTime;
        facts.Pod.Metadata.DeletionGracePeriodSeconds = 20;
        Assert.Equal(expected, Text(PodPlan.Decide(facts)));
    }

    [Fact]
    public void Plan_OfAPodDeletedWithoutGrace_EndsAllAtOnce()
    {
        var facts = WithSidecars("main a b");
        facts.Pod.Metadata.DeletionTimestamp = Now.UtcDateTime;
        facts.Pod.Metadata.DeletionGracePeriodSeconds = 0;
        Assert.Equal("stop main 0, stop a 0, stop b 0", Text(PodPlan.Decide(facts)));
    }

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, "start b 0")]
    public void Plan_SidecarWithAStartupProbe_HoldsUpTheNextUntilItHasStarted(bool started, string expected)
    {
        var facts = WithSidecars("a");
        facts.Pod.Spec.InitContainers[0].StartupProbe = new V1Probe();
        if (started) facts = facts with { Memory = new PodMemory { Started = ["a"] } };
        Assert.Equal(expected, Text(PodPlan.Decide(facts)));
    }

    private static PodFacts WithSidecars(string alive)
    {
        var facts = Facts("Always", "-");
        V1Container Sidecar(string name) => new() { Name = name, Image = "fairlead/host", RestartPolicy = "Always" };
        facts.Pod.Spec.InitContainers = [Sidecar("a"), Sidecar("b")];
        var containers = alive.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => Container(ContainerPhase.Running, 0) with { Id = name, Name = name, Init = name != "main" });
        return facts with { Runtime = facts.Runtime with { Containers = [.. containers] } };
    }

    [Theory]
    [InlineData("web", null, false, "web")]
    [InlineData("web", "group", false, "web")]
    [InlineData("web", "group", true, "web.group.default.svc.cluster.local")]
    [InlineData("web", null, true, "web")]
    public void HostName_AsFqdn_IsTheFullOne(string name, string? subdomain, bool full, string expected)
    {
        var facts = Facts("Always", "-");
        (facts.Pod.Spec.Hostname, facts.Pod.Spec.Subdomain, facts.Pod.Spec.SetHostnameAsFQDN) = (name, subdomain, full);
        Assert.Equal(expected, Fairlead.Node.Environment.PodHostName.Of(facts.Pod, "cluster.local").Kernel);
    }

    [Fact]
    public void HostName_LongerThanTheKernelTakes_IsRefused()
    {
        var facts = Facts("Always", "-");
        (facts.Pod.Spec.Subdomain, facts.Pod.Spec.SetHostnameAsFQDN) = (new string('g', 40), true);
        Assert.Contains("is too long (64 characters is the max, 70 characters requested)", Fairlead.Node.Environment.PodHostName.Of(facts.Pod, "cluster.local").Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Plan_BackedOffContainer_WaitsForTheRest()
    {
        var facts = Facts("Always", "x1") with { Memory = new PodMemory { BackOffs = ImmutableDictionary<string, RestartBackOff>.Empty.Add("main", new(TimeSpan.FromSeconds(20), Now)) } };
        var plan = PodPlan.Decide(facts);
        Assert.Empty(plan.Actions);
        Assert.Equal(TimeSpan.FromSeconds(15), plan.Again);
    }

    [Fact]
    public void Plan_SandboxGone_EndsWhatRunsFirst()
    {
        var facts = Facts("Always", "r");
        facts = facts with { Runtime = facts.Runtime with { Sandbox = facts.Runtime.Sandbox! with { Ready = false } } };
        Assert.Equal("stop main 30", Text(PodPlan.Decide(facts)));
    }

    /// <summary>After a restart of the machine; "first" is the pod's init container. Each as name, attempt, code, and whether it is of the sandbox that is there.</summary>
    [Theory]
    [InlineData("Always", false, "first:0:0:old main:0:255:old", "sandbox")]
    [InlineData("Always", true, "first:0:0:old main:0:255:old", "start first 1")]
    [InlineData("Always", true, "first:0:0:old main:0:255:old first:1:0:new", "start main 1")]
    [InlineData("Always", true, "first:1:0:new main:0:255:old main:1:3:new", "start main 2")]
    // The machine went down while it initialized.
    [InlineData("Never", false, "first:0:0:old", "sandbox")]
    [InlineData("Never", true, "first:0:0:old", "start first 1")]
    // What has come to its end does not begin again.
    [InlineData("Never", false, "first:0:0:old main:0:255:old", "")]
    [InlineData("Never", false, "first:0:255:old", "")]
    [InlineData("OnFailure", false, "first:0:0:old main:0:0:old", "")]
    [InlineData("OnFailure", false, "first:0:0:old main:0:255:old", "sandbox")]
    public void Plan_OfALostSandbox_BeginsAnewWithTheInitContainers(string policy, bool isThere, string containers, string expected)
    {
        var facts = Facts(policy, "-");
        facts.Pod.Spec.InitContainers = [new V1Container { Name = "first", Image = "fairlead/host" }];
        ContainerState Read(string text) => text.Split(':') is [var name, var attempt, var code, var age]
            ? Container(ContainerPhase.Exited, int.Parse(code)) with { Id = text, Name = name, Init = name == "first", Attempt = int.Parse(attempt), CreatedAt = Now.AddMinutes(age == "old" ? -3 : -1) }
            : throw new ArgumentException(text);
        var runtime = facts.Runtime with { Sandbox = facts.Runtime.Sandbox! with { Ready = isThere }, Containers = [.. containers.Split(' ').Select(Read)] };
        Assert.Equal(expected, Text(PodPlan.Decide(facts with { Runtime = runtime })));
    }

    [Theory]
    [InlineData("Always", "", "Pending", "ContainerCreating")]
    [InlineData("Always", "r", "Running", "running")]
    [InlineData("Always", "x1", "Running", "Error 1")]
    [InlineData("Never", "x1", "Failed", "Error 1")]
    [InlineData("Never", "x0", "Succeeded", "Completed 0")]
    [InlineData("OnFailure", "x2", "Running", "Error 2")]
    public void Status_OfContainers_GivesPhaseAndState(string policy, string containers, string phase, string state)
    {
        var status = PodStatusRule.Build(Facts(policy, containers), "192.0.2.1", "runc");
        Assert.Equal(phase, status.Phase);
        var container = status.ContainerStatuses[0].State;
        Assert.Equal(state, container.Running is not null ? "running" : container.Waiting?.Reason ?? $"{container.Terminated.Reason} {container.Terminated.ExitCode}");
    }

    [Fact]
    public void Status_ReadyChanges_KeepsOtherTransitionTimes()
    {
        var facts = Facts("Always", "r");
        facts.Pod.Status = PodStatusRule.Build(facts with { Now = Now.AddMinutes(-5) }, "192.0.2.1", "runc");
        facts = facts with { Memory = new PodMemory { Unready = ["main"] } };
        var status = PodStatusRule.Build(facts, "192.0.2.1", "runc");
        var ready = status.Conditions.First(c => c.Type == "Ready");
        Assert.Equal(("False", "ContainersNotReady", "containers with unready status: [main]"), (ready.Status, ready.Reason, ready.Message));
        Assert.Equal(Now.UtcDateTime, ready.LastTransitionTime);
        Assert.Equal(Now.AddMinutes(-5).UtcDateTime, status.Conditions.First(c => c.Type == "Initialized").LastTransitionTime);
        var changes = StatusChanges.Between(facts.Pod.Status, status)!;
        Assert.Equal(["conditions", "containerStatuses"], changes.Select(change => change.Key));
        Assert.Equal(["Ready", "ContainersReady"], changes["conditions"]!.AsArray().Select(c => c!["type"]!.GetValue<string>()));
    }

    [Fact]
    public void StatusChanges_OfTheSame_AreNone()
    {
        var facts = Facts("Always", "r");
        Assert.Null(StatusChanges.Between(PodStatusRule.Build(facts, "192.0.2.1", "runc"), PodStatusRule.Build(facts, "192.0.2.1", "runc")));
    }

    private static PodFacts Facts(string policy, string containers)
    {
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default", Uid = "u" },
            Spec = new V1PodSpec { RestartPolicy = policy, Containers = [new V1Container { Name = "main", Image = "fairlead/host" }] },
        };
        var sandbox = containers.Length == 0 ? null : new PodSandbox("u", "default", "web", "web", false, "10.244.0.2", Now.AddMinutes(-2), true);
        ImmutableArray<ContainerState> states = containers switch
        {
            "" or "-" => [],
            "r" => [Container(ContainerPhase.Running, 0)],
            _ => [Container(ContainerPhase.Exited, int.Parse(containers[1..]))],
        };
        return new PodFacts(pod, new PodRuntimeState(sandbox, states), PodMemory.Empty, Now);
    }

    private static ContainerState Container(ContainerPhase phase, int code) => new("id", "u", "main", false, 0, "fairlead/host", "image", phase)
    {
        CreatedAt = Now.AddSeconds(-61),
        StartedAt = Now.AddSeconds(-60),
        FinishedAt = phase == ContainerPhase.Exited ? Now.AddSeconds(-5) : null,
        ExitCode = code,
        Reason = code == 0 ? "Completed" : "Error",
    };

    private static string Text(PodPlan plan) => string.Join(", ", plan.Actions.Select(action => action switch
    {
        PodAction.CreateSandbox => "sandbox",
        PodAction.StopSandbox => "stop sandbox",
        PodAction.Start start => $"start {start.Container.Name} {start.Attempt}",
        PodAction.Stop stop => $"stop {stop.Container.Name} {stop.Grace.TotalSeconds}",
        PodAction.Remove => "remove",
        _ => "finish",
    }));
}
