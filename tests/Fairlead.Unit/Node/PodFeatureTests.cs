using Fairlead.Node;
using Fairlead.Node.Probes;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>What pods can ask for beyond a command, on the real kernel.</summary>
public sealed class PodFeatureTests
{
    private static bool Is(V1Pod? pod, string ready) => pod?.Status?.Phase == "Running" && pod.Status.Conditions.Any(c => c.Type == "Ready" && c.Status == ready);

    [Fact]
    public async Task RuntimeClass_OfThisNodesRuntime_Runs_AndOfAnother_WaitsAndSaysWhy()
    {
        await using var node = NodeHarness.Start();
        node.Api.RuntimeClasses["same"] = new V1RuntimeClass { Handler = "runc" };
        node.Api.RuntimeClasses["other"] = new V1RuntimeClass { Handler = "box" };
        node.Run("same", pod => pod.Spec.RuntimeClassName = "same", "/bin/sleep", "1000");
        node.Run("other", pod => pod.Spec.RuntimeClassName = "other", "/bin/sleep", "1000");

        await node.Api.WaitAsync("same", pod => pod?.Status?.Phase == "Running", "running");
        await node.Api.WaitForEventAsync("FailedCreatePodSandBox", "Failed to create pod sandbox: no runtime for \"box\" is configured; this node has runc");
    }

    [Fact]
    public async Task ReadinessProbe_Exec_TurnsWithTheContainer()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("probed", p => p.Spec.Containers[0].ReadinessProbe = new V1Probe
        {
            PeriodSeconds = 1,
            FailureThreshold = 1,
            Exec = new V1ExecAction { Command = ["/bin/ls", "/tmp/ready"] },
        }, "/bin/sh", "-c", "echo up; sleep 1000");
        await node.Api.WaitAsync("probed", p => Is(p, "False"), "not ready");
        await node.WaitForLogAsync(pod, "up");
        var container = Assert.Single(node.Runtime.Observe(pod.Metadata.Uid).Containers);
        await ExecAsync(node, pod, container.Id, "touch /tmp/ready");
        var ready = await node.Api.WaitAsync("probed", p => Is(p, "True"), "ready");
        // The moment of the verdict is told beside the condition, which has its second.
        var turned = ready.Status.Conditions.Single(c => c.Type == "Ready").LastTransitionTime!.Value;
        Assert.InRange(node.Api.Verdict!.Value - new DateTimeOffset(turned), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        await ExecAsync(node, pod, container.Id, "rm /tmp/ready");
        await node.Api.WaitAsync("probed", p => Is(p, "False"), "not ready again");
        Assert.Contains(node.Api.Events, e => e.Reason == "Unhealthy" && e.Message.StartsWith("Readiness probe failed: "));
        Assert.Equal(0, node.Api.Find("probed")!.Status.ContainerStatuses[0].RestartCount);
    }

    [Fact]
    public async Task LivenessProbe_Fails_ContainerIsRestarted()
    {
        await using var node = NodeHarness.Start();
        node.Run("dying", p =>
        {
            p.Spec.TerminationGracePeriodSeconds = 0;
            p.Spec.Containers[0].LivenessProbe = new V1Probe { PeriodSeconds = 1, FailureThreshold = 1, Exec = new V1ExecAction { Command = ["/bin/false"] } };
        }, "/bin/sleep", "1000");
        var pod = await node.Api.WaitAsync("dying", p => p?.Status?.ContainerStatuses?[0].RestartCount == 1, "restarted");
        Assert.Equal(137, pod.Status.ContainerStatuses[0].LastState.Terminated.ExitCode);
        Assert.Contains(("Killing", "Container main failed liveness probe, will be restarted"), node.Api.Events);
    }

    [Theory]
    [InlineData("fff", 1, 3, true, false)]
    [InlineData("ff", 1, 3, true, true)]
    [InlineData("ffsff", 1, 3, true, true)]
    [InlineData("s", 2, 3, false, false)]
    [InlineData("ss", 2, 3, false, true)]
    public void ProbeTally_Thresholds_CountInARow(string verdicts, int successes, int failures, bool before, bool after) =>
        Assert.Equal(after, verdicts.Aggregate(new ProbeTally(before), (tally, verdict) => tally.Add(verdict == 's', successes, failures)).Holds);

    [Fact]
    public async Task ConfigMap_AsVariableAndVolume_IsSeen()
    {
        await using var node = NodeHarness.Start();
        node.Api.ConfigMaps["settings"] = new V1ConfigMap { Data = new Dictionary<string, string> { ["colour"] = "blue" } };
        var pod = node.Run("configured", p =>
        {
            p.Spec.Volumes = [new V1Volume { Name = "settings", ConfigMap = new V1ConfigMapVolumeSource { Name = "settings" } }];
            var container = p.Spec.Containers[0];
            container.VolumeMounts = [new V1VolumeMount { Name = "settings", MountPath = "/etc/settings", ReadOnlyProperty = true }];
            container.Env =
            [
                new V1EnvVar { Name = "COLOUR", ValueFrom = new V1EnvVarSource { ConfigMapKeyRef = new V1ConfigMapKeySelector { Name = "settings", Key = "colour" } } },
                new V1EnvVar { Name = "ADDRESS", ValueFrom = new V1EnvVarSource { FieldRef = new V1ObjectFieldSelector { FieldPath = "status.podIP" } } },
                new V1EnvVar { Name = "BOTH", Value = "$(COLOUR)-$(ADDRESS)" },
            ];
        }, "/bin/sh", "-c", "echo $BOTH; echo $(cat /etc/settings/colour); sleep 1000");
        await node.Api.WaitAsync("configured", p => Is(p, "True"), "ready");
        await node.WaitForLogAsync(pod, "stdout F blue-10.244.9.2");
        await node.WaitForLogAsync(pod, "stdout F blue\n");
    }

    [Fact]
    public async Task ConfigMap_Missing_IsAConfigError()
    {
        await using var node = NodeHarness.Start();
        node.Run("broken", p => p.Spec.Containers[0].EnvFrom = [new V1EnvFromSource { ConfigMapRef = new V1ConfigMapEnvSource { Name = "none" } }], "/bin/true");
        var pod = await node.Api.WaitAsync("broken", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "CreateContainerConfigError", "refused");
        Assert.Equal("configmap \"none\" not found", pod.Status.ContainerStatuses[0].State.Waiting.Message);
    }

    [Fact]
    public async Task Volume_OfMissingConfigMap_IsAnEventAndTheContainerWaits()
    {
        await using var node = NodeHarness.Start();
        node.Run("waits", p =>
        {
            p.Spec.Volumes = [new V1Volume { Name = "settings", ConfigMap = new V1ConfigMapVolumeSource { Name = "late" } }];
            p.Spec.Containers[0].VolumeMounts = [new V1VolumeMount { Name = "settings", MountPath = "/etc/settings" }];
        }, "/bin/sleep", "1000");
        var pod = await node.Api.WaitAsync("waits", p => p?.Status?.ContainerStatuses is { Count: 1 } && node.Api.Events.Any(e => e.Reason == "FailedMount"), "waiting");
        Assert.Contains(("FailedMount", "MountVolume.SetUp failed for volume \"settings\" : configmap \"late\" not found"), node.Api.Events);
        Assert.Equal("ContainerCreating", pod.Status.ContainerStatuses[0].State.Waiting.Reason);
        Assert.Null(pod.Status.ContainerStatuses[0].State.Waiting.Message);
        node.Api.ConfigMaps["late"] = new V1ConfigMap { Data = new Dictionary<string, string> { ["colour"] = "blue" } };
        await node.Api.WaitAsync("waits", p => Is(p, "True"), "ready");
    }

    [Fact]
    public async Task HostNetwork_Pod_HasTheNodesAddress()
    {
        await using var node = NodeHarness.Start();
        var run = node.Run("host", p => p.Spec.HostNetwork = true, "/bin/sh", "-c", "hostname; exec sleep 1000");
        var pod = await node.Api.WaitAsync("host", p => Is(p, "True"), "ready");
        await node.WaitForLogAsync(run, "stdout F node\n");
        Assert.Equal("192.0.2.1", pod.Status.PodIP);
        Assert.Empty(Directory.EnumerateFiles(node.Paths.Addresses));
    }

    /// <summary>Whatever this machine lets a program say of who is killed first.</summary>
    [Fact]
    public async Task Guaranteed_Pod_Runs()
    {
        await using var node = NodeHarness.Start();
        var amounts = new Dictionary<string, ResourceQuantity> { ["cpu"] = new("100m"), ["memory"] = new("50Mi") };
        node.Run("sure", p => p.Spec.Containers[0].Resources = new V1ResourceRequirements { Limits = amounts, Requests = amounts }, "/bin/sleep", "1000");
        Assert.Equal("Guaranteed", (await node.Api.WaitAsync("sure", p => Is(p, "True"), "ready")).Status.QosClass);
    }

    [Fact]
    public async Task SecurityContext_UserAndCapabilities_AreKept()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("locked", p => p.Spec.Containers[0].SecurityContext = new V1SecurityContext
        {
            RunAsUser = 1234,
            RunAsGroup = 4321,
            AllowPrivilegeEscalation = false,
            ReadOnlyRootFilesystem = true,
            Capabilities = new V1Capabilities { Drop = ["ALL"], Add = ["NET_BIND_SERVICE"] },
        }, "/bin/sh", "-c", "id; grep -E 'NoNewPrivs|CapBnd' /proc/self/status; touch /x; echo $?; sleep 1000");
        await node.Api.WaitAsync("locked", p => Is(p, "True"), "ready");
        foreach (var line in (string[])["uid=1234 gid=4321", "CapBnd:\t0000000000000400", "NoNewPrivs:\t1", "stdout F 1\n"]) await node.WaitForLogAsync(pod, line);
    }

    [Fact]
    public async Task Teardown_WithPodsRunning_LeavesNothing()
    {
        var node = NodeHarness.Start();
        foreach (var name in (string[])["a", "b", "c"]) node.Run(name, null, "/bin/sleep", "1000");
        foreach (var name in (string[])["a", "b", "c"]) await node.Api.WaitAsync(name, p => Is(p, "True"), "ready");
        await node.StopAgentAsync();
        var began = TimeProvider.System.GetTimestamp();
        await NodeTeardown.RunAsync(node.Options, node.Network, NullLogger.Instance, CancellationToken.None);
        TestContext.Current.TestOutputHelper?.WriteLine($"torn down in {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:F0} ms");
        Assert.False(Directory.Exists(node.Paths.Root));
        Assert.False(Directory.Exists($"/sys/fs/cgroup/pids/fairlead/{node.Options.ClusterName}"));
        Assert.DoesNotContain(File.ReadLines("/proc/self/mountinfo"), line => line.Contains(node.Options.ClusterName) && !line.Contains("/netns"));
        using (var route = Fairlead.Linux.Netlink.Route.RouteSocket.Open(node.Network)) Assert.Equal(["lo"], route.ListLinks().Select(link => link.Name).Where(name => name is not "tunl0"));
        node.Paths.CreateFolders();
        node.StartAgent();
        await node.DisposeAsync();
    }

    private static async Task ExecAsync(NodeHarness node, V1Pod pod, string container, string command)
    {
        await using var session = await node.Runtime.ExecAsync(pod.Metadata.Uid, container, new(["/bin/sh", "-c", command], false, false), CancellationToken.None);
        Assert.Equal(0, await session.WaitAsync(CancellationToken.None));
    }
}
