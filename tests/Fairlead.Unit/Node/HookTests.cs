using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>Hooks after a start and before a stop, and last words, over real containers.</summary>
public sealed class HookTests
{
    private static bool IsRunning(V1Pod? pod) => pod?.Status?.Phase == "Running";

    private static V1LifecycleHandler Shell(string command) => new() { Exec = new V1ExecAction { Command = ["/bin/sh", "-c", command] } };

    [Fact]
    public async Task PostStart_Exec_HoldsUpTheNextContainer()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("two", p =>
        {
            p.Spec.Containers[0].Lifecycle = new V1Lifecycle { PostStart = Shell("sleep 0.5; echo hooked > /proc/1/fd/1") };
            p.Spec.Containers.Add(new V1Container { Name = "second", Image = "fairlead/host", Command = ["/bin/sleep", "1000"] });
        }, "/bin/sleep", "1000");
        await node.Api.WaitAsync("two", IsRunning, "running");
        var containers = node.Runtime.Observe(pod.Metadata.Uid).Containers;
        var (first, second) = (containers.Single(c => c.Name == "main"), containers.Single(c => c.Name == "second"));
        Assert.True(second.StartedAt - first.StartedAt > TimeSpan.FromMilliseconds(450), $"{second.StartedAt - first.StartedAt}");
        Assert.Contains("hooked", await File.ReadAllTextAsync(first.LogPath));
    }

    [Fact]
    public async Task PostStart_Fails_ContainerIsEndedAndStartedAnew()
    {
        await using var node = NodeHarness.Start();
        node.Run("bad", p =>
        {
            p.Spec.TerminationGracePeriodSeconds = 0;
            p.Spec.Containers[0].Lifecycle = new V1Lifecycle { PostStart = Shell("exit 3") };
        }, "/bin/sleep", "1000");
        await node.Api.WaitAsync("bad", p => p?.Status?.ContainerStatuses?[0].RestartCount == 1, "restarted");
        Assert.Contains(("FailedPostStartHook", "PostStartHook failed"), node.Api.Events);
        Assert.Contains(("Killing", "FailedPostStartHook"), node.Api.Events);
    }

    [Fact]
    public async Task PostStart_NeverEnds_DeletionGoesOn()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("stuck", p => p.Spec.Containers[0].Lifecycle = new V1Lifecycle { PostStart = Shell("echo up > /proc/1/fd/1; sleep 1000") }, "/bin/sleep", "1000");
        while (node.Runtime.Observe(pod.Metadata.Uid).Containers is not [{ StartedAt: not null }]) await Task.Yield();
        await node.WaitForLogAsync(pod, "up");
        node.Api.Delete("stuck", 0);
        await node.Api.WaitAsync("stuck", p => p is null, "gone");
    }

    [Fact]
    public async Task PreStop_Exec_RunsBeforeTheSignal()
    {
        await using var node = NodeHarness.Start();
        var folder = Directory.CreateTempSubdirectory("ut-hook-").FullName;
        try
        {
            var pod = node.Run("polite", p =>
            {
                p.Spec.Volumes = [new V1Volume { Name = "out", HostPath = new V1HostPathVolumeSource { Path = folder } }];
                p.Spec.Containers[0].VolumeMounts = [new V1VolumeMount { Name = "out", MountPath = "/out" }];
                p.Spec.Containers[0].Lifecycle = new V1Lifecycle { PreStop = Shell("sleep 0.3; echo hook >> /out/order") };
            }, "/bin/sh", "-c", "trap 'echo signal >> /out/order; exit 0' TERM; echo up; while :; do sleep 0.05; done");
            await node.Api.WaitAsync("polite", IsRunning, "running");
            await node.WaitForLogAsync(pod, "up");
            node.Api.Delete("polite", 30);
            await node.Api.WaitAsync("polite", p => p is null, "gone");
            Assert.Equal("hook\nsignal\n", await File.ReadAllTextAsync($"{folder}/order"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task PreStop_LongerThanTheGrace_IsCutOff()
    {
        await using var node = NodeHarness.Start();
        node.Run("slow", p => p.Spec.Containers[0].Lifecycle = new V1Lifecycle { PreStop = new V1LifecycleHandler { Sleep = new V1SleepAction { Seconds = 1000 } } },
            "/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done");
        await node.Api.WaitAsync("slow", IsRunning, "running");
        node.Api.Delete("slow", 1);
        await node.Api.WaitAsync("slow", p => p is null, "gone");
        Assert.Contains(("FailedPreStopHook", "PreStopHook failed"), node.Api.Events);
    }

    [Fact]
    public async Task TerminationMessage_OfItsOwnPath_IsInTheStatus()
    {
        await using var node = NodeHarness.Start();
        node.Run("last", p =>
        {
            p.Spec.RestartPolicy = "Never";
            p.Spec.Containers[0].TerminationMessagePath = "/tmp/words";
        }, "/bin/sh", "-c", "echo -n farewell > /tmp/words; exit 3");
        var pod = await node.Api.WaitAsync("last", p => p?.Status?.Phase == "Failed", "failed");
        Assert.Equal("farewell", pod.Status.ContainerStatuses[0].State.Terminated.Message);
    }
}
