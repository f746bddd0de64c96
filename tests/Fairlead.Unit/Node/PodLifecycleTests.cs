using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>Real pods: namespaces, runc, conmon.</summary>
public sealed class PodLifecycleTests
{
    private static bool IsRunning(V1Pod? pod) => pod?.Status?.Phase == "Running" && pod.Status.Conditions.Any(c => c.Type == "Ready" && c.Status == "True");

    [Fact]
    public async Task Pod_Created_RunsWithAddressAndReadyCondition()
    {
        await using var node = NodeHarness.Start();
        var began = TimeProvider.System.GetTimestamp();
        node.Run("a", null, "/bin/sleep", "1000");
        var pod = await node.Api.WaitAsync("a", IsRunning, "running");
        TestContext.Current.TestOutputHelper?.WriteLine($"running after {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:F0} ms");
        Assert.Equal("10.244.9.2", pod.Status.PodIP);
        Assert.Equal("192.0.2.1", pod.Status.HostIP);
        var status = Assert.Single(pod.Status.ContainerStatuses);
        Assert.True(status.Ready);
        Assert.NotNull(status.State.Running);
        Assert.StartsWith("runc://", status.ContainerID);
        Assert.Equal(["Pulled", "Created", "Started"], node.Api.Events.Select(e => e.Reason));
    }

    [Fact]
    public async Task Pod_PastItsActiveDeadline_HasFailedForGood()
    {
        await using var node = NodeHarness.Start();
        node.Run("a", pod => (pod.Spec.ActiveDeadlineSeconds, pod.Spec.TerminationGracePeriodSeconds) = (2, 1), "/bin/sleep", "1000");
        await node.Api.WaitAsync("a", IsRunning, "running");

        var pod = await node.Api.WaitAsync("a", p => p?.Status?.Phase == "Failed", "failed");

        Assert.Equal(("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"), (pod.Status.Reason, pod.Status.Message));
        Assert.NotNull(Assert.Single(pod.Status.ContainerStatuses).State.Terminated);
    }

    [Fact]
    public async Task Pod_WithTheHostPortOfAnother_IsRejectedUntilThatHasGone()
    {
        await using var node = NodeHarness.Start();
        static void Claim(V1Pod pod) => pod.Spec.Containers[0].Ports = [new V1ContainerPort { ContainerPort = 80, HostPort = 21017 }];
        node.Run("first", Claim, "/bin/sleep", "1000");
        await node.Api.WaitAsync("first", IsRunning, "running");

        node.Run("second", Claim, "/bin/sleep", "1000");

        var second = await node.Api.WaitAsync("second", p => p?.Status?.Phase == "Failed", "failed");
        Assert.Equal("NodePorts", second.Status.Reason);
        const string Why = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
        Assert.Equal($"Pod was rejected: {Why}", second.Status.Message);
        Assert.Contains(("NodePorts", Why), node.Api.Events);
        Assert.Empty(second.Status.ContainerStatuses ?? []);
        Assert.True(IsRunning(node.Api.Find("first")));
        node.Api.Delete("first", grace: 0);
        await node.Api.WaitAsync("first", p => p is null, "gone");
        node.Run("third", Claim, "/bin/sleep", "1000");
        await node.Api.WaitAsync("third", IsRunning, "running");
    }

    [Fact]
    public async Task Container_Fails_IsRestartedAtOnceThenBacksOff()
    {
        await using var node = NodeHarness.Start();
        node.Run("crash", null, "/bin/sh", "-c", "echo boom; exit 3");
        var pod = await node.Api.WaitAsync("crash", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "CrashLoopBackOff", "in CrashLoopBackOff");
        var status = pod.Status.ContainerStatuses[0];
        Assert.Equal(1, status.RestartCount);
        Assert.Equal(3, status.LastState.Terminated.ExitCode);
        Assert.Equal("Error", status.LastState.Terminated.Reason);
        Assert.Equal($"back-off 10s restarting failed container=main pod=crash_default({pod.Metadata.Uid})", status.State.Waiting.Message);
        Assert.Equal("Running", pod.Status.Phase);
        Assert.Equal("ContainersNotReady", pod.Status.Conditions.First(c => c.Type == "Ready").Reason);
        Assert.Contains(node.Api.Events, e => e.Reason == "BackOff");
    }

    [Theory]
    [InlineData("Never", "exit 0", "Succeeded", "Completed", 0)]
    [InlineData("Never", "exit 7", "Failed", "Error", 7)]
    [InlineData("OnFailure", "exit 0", "Succeeded", "Completed", 0)]
    public async Task Pod_ContainersEndForGood_HasFinalPhase(string policy, string script, string phase, string reason, int code)
    {
        await using var node = NodeHarness.Start();
        node.Run("job", pod => pod.Spec.RestartPolicy = policy, "/bin/sh", "-c", script);
        var pod = await node.Api.WaitAsync("job", p => p?.Status?.Phase == phase, phase);
        var ended = pod.Status.ContainerStatuses[0].State.Terminated;
        Assert.Equal((reason, code), (ended.Reason, ended.ExitCode));
        Assert.Equal("10.244.9.2", pod.Status.PodIP);
    }

    [Fact]
    public async Task Pod_Deleted_GetsSigtermAndLeavesNothing()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("polite", null, "/bin/sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done");
        await node.Api.WaitAsync("polite", IsRunning, "running");
        await node.WaitForLogAsync(pod, "up");
        node.Api.Delete("polite", 20);
        await node.Api.WaitAsync("polite", p => p is null, "gone");
        Assert.Contains(("Killing", "Stopping container main"), node.Api.Events);
        AssertNothingLeft(node, pod.Metadata.Uid);
    }

    [Fact]
    public async Task Pod_IgnoresSigterm_IsKilledAfterItsGrace()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("deaf", null, "/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done");
        await node.Api.WaitAsync("deaf", IsRunning, "running");
        await node.WaitForLogAsync(pod, "up");
        node.Api.Delete("deaf", 1);
        await node.Api.WaitAsync("deaf", p => p is null, "gone");
        AssertNothingLeft(node, pod.Metadata.Uid);
    }

    [Fact]
    public async Task Pod_ForgottenByTheApi_IsTakenDown()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("forced", null, "/bin/sleep", "1000");
        await node.Api.WaitAsync("forced", IsRunning, "running");
        node.Api.Forget("forced");
        while (node.Runtime.PodUids.Count > 0) await Task.Yield();
        AssertNothingLeft(node, pod.Metadata.Uid);
    }

    [Fact]
    public async Task Agent_Restarted_TouchesNoPod()
    {
        await using var node = NodeHarness.Start();
        node.Run("stays", null, "/bin/sleep", "1000");
        var before = await node.Api.WaitAsync("stays", IsRunning, "running");
        await node.StopAgentAsync();
        var writes = node.Api.Writes;
        node.StartAgent();
        node.Run("next", null, "/bin/sleep", "1000");
        await node.Api.WaitAsync("next", IsRunning, "running");
        var after = node.Api.Find("stays")!;
        Assert.Equal(before.Status.ContainerStatuses[0].ContainerID, after.Status.ContainerStatuses[0].ContainerID);
        Assert.Equal(0, after.Status.ContainerStatuses[0].RestartCount);
        Assert.Equal("10.244.9.3", node.Api.Find("next")!.Status.PodIP);
        Assert.Equal(writes + 1, node.Api.Writes);
    }

    [Fact]
    public async Task Container_EndsWhileTheAgentIsDown_IsRestarted()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("brief", null, "/bin/sleep", "1000");
        await node.Api.WaitAsync("brief", IsRunning, "running");
        var container = Assert.Single(node.Runtime.Observe(pod.Metadata.Uid).Containers);
        await node.StopAgentAsync();
        var pid = int.Parse(File.ReadAllText($"{node.Paths.Run}/pods/{pod.Metadata.Uid}/{container.Id}.pid"));
        Fairlead.Linux.Processes.ProcessHandle.TrySignal(pid, 9);
        using (var conmon = Fairlead.Linux.Processes.ProcessHandle.TryOpen(int.Parse(File.ReadAllText($"{node.Paths.Run}/pods/{pod.Metadata.Uid}/{container.Id}.conmon"))))
            await (conmon?.WaitForExitAsync() ?? Task.CompletedTask);
        node.StartAgent();
        var after = await node.Api.WaitAsync("brief", p => p?.Status?.ContainerStatuses[0] is { RestartCount: 1, State.Running: not null }, "restarted");
        Assert.Equal(137, after.Status.ContainerStatuses[0].LastState.Terminated.ExitCode);
    }

    [Fact]
    public async Task Image_Unknown_IsSaidInStateAndEvents()
    {
        await using var node = NodeHarness.Start();
        node.Run("alien", p => p.Spec.Containers[0].Image = "127.0.0.1:1/nginx", "/bin/true");
        var pod = await node.Api.WaitAsync("alien", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "ErrImagePull", "refused");
        Assert.StartsWith("failed to pull and unpack image \"127.0.0.1:1/nginx:latest\"", pod.Status.ContainerStatuses[0].State.Waiting.Message);
        Assert.Equal("Pending", pod.Status.Phase);
        Assert.Contains(("Failed", "Error: ErrImagePull"), node.Api.Events);
    }

    [Fact]
    public async Task Program_Missing_IsAStartError()
    {
        await using var node = NodeHarness.Start();
        node.Run("typo", null, "/no/such/program");
        var pod = await node.Api.WaitAsync("typo", p => p?.Status?.ContainerStatuses?[0].LastState?.Terminated is not null, "failed");
        var last = pod.Status.ContainerStatuses[0].LastState.Terminated;
        Assert.Equal(("StartError", 128), (last.Reason, last.ExitCode));
        Assert.Contains("no such file", last.Message);
    }

    [Fact]
    public async Task InitContainers_RunInOrderBeforeTheOthers()
    {
        await using var node = NodeHarness.Start();
        node.Run("staged", p =>
        {
            p.Spec.Volumes = [new V1Volume { Name = "shared", EmptyDir = new V1EmptyDirVolumeSource() }];
            V1VolumeMount[] mounts = [new V1VolumeMount { Name = "shared", MountPath = "/data" }];
            p.Spec.InitContainers =
            [
                new V1Container { Name = "one", Image = "fairlead/host", Command = ["/bin/sh", "-c", "echo 1 > /data/steps"], VolumeMounts = mounts },
                new V1Container { Name = "two", Image = "fairlead/host", Command = ["/bin/sh", "-c", "echo 2 >> /data/steps"], VolumeMounts = mounts },
            ];
            p.Spec.Containers[0].VolumeMounts = mounts;
        }, "/bin/sh", "-c", "test \"$(cat /data/steps | tr -d '\\n')\" = 12 && exec sleep 1000");
        var pod = await node.Api.WaitAsync("staged", IsRunning, "running");
        Assert.All(pod.Status.InitContainerStatuses, status => Assert.Equal("Completed", status.State.Terminated.Reason));
        Assert.Equal("True", pod.Status.Conditions.First(c => c.Type == "Initialized").Status);
    }

    private static void AssertNothingLeft(NodeHarness node, string uid)
    {
        Assert.False(Directory.Exists(node.Paths.Pod(uid)));
        Assert.False(Directory.Exists(node.Paths.Namespaces(uid)));
        Assert.DoesNotContain(File.ReadLines("/proc/self/mountinfo"), line => line.Contains(uid));
        Assert.False(Directory.Exists($"/sys/fs/cgroup/pids{node.Paths.PodCgroup(uid)}"));
        Assert.Empty(Directory.EnumerateFiles(node.Paths.Addresses));
        Assert.Empty(Directory.EnumerateFiles(node.Paths.Exits));
        using var route = Fairlead.Linux.Netlink.Route.RouteSocket.Open(node.Network);
        Assert.DoesNotContain(route.ListLinks(), link => link.Name.StartsWith("veth"));
    }
}
