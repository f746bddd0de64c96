using System.Text.Json.Nodes;
using Fairlead.Node.Images;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node.Images;

/// <summary>Pods from imported images, on the real kernel.</summary>
public sealed class PodImageTests
{
    private static async Task ImportAsync(NodeHarness node, TestImage image)
    {
        var archive = TestImage.DockerArchive(image);
        await new ArchiveImport(node.Images).RunAsync(new MemoryStream(archive), 0, null, CancellationToken.None);
    }

    private static Action<V1Pod> Of(string image, Action<V1Pod>? more = null, string policy = "IfNotPresent") => pod =>
    {
        (pod.Spec.Containers[0].Image, pod.Spec.Containers[0].ImagePullPolicy) = (image, policy);
        more?.Invoke(pod);
    };

    [Fact]
    public async Task Pod_OfAnImage_SeesItsFilesEnvironmentAndFolder()
    {
        await using var node = NodeHarness.Start();
        await ImportAsync(node, TestImage.Busybox("seen:1", new JsonObject
        {
            ["Entrypoint"] = new JsonArray("/bin/sh", "-c"),
            ["Cmd"] = new JsonArray("ls /etc /hidden; pwd; echo $COLOUR; touch /tmp/x && echo written; sleep 1000"),
            ["Env"] = new JsonArray("PATH=/bin", "COLOUR=blue"),
            ["WorkingDir"] = "/tmp",
        }));
        var pod = node.Run("seen", Of("seen:1"));
        var status = (await node.Api.WaitAsync("seen", p => p?.Status?.Phase == "Running", "running")).Status.ContainerStatuses[0];
        Assert.Equal("docker.io/library/seen:1", status.Image);
        Assert.StartsWith("sha256:", status.ImageID);
        foreach (var line in (string[])["F blue", "F /tmp", "F written", "F new"]) await node.WaitForLogAsync(pod, line);
        var log = File.ReadAllText(Assert.Single(node.Runtime.Observe(pod.Metadata.Uid).Containers).LogPath);
        Assert.DoesNotContain("removed", log, StringComparison.Ordinal);
        Assert.DoesNotContain("F old", log, StringComparison.Ordinal);
        Assert.Contains(("Pulled", "Container image \"seen:1\" already present on machine"), node.Api.Events);
    }

    [Theory]
    [InlineData("", null, null, "0:0:0")]
    [InlineData("app", null, null, "1000:1001:1001 2000")]
    [InlineData("1000", null, null, "1000:1001:1001 2000")]
    [InlineData("app:extra", null, null, "1000:2000:2000")]
    [InlineData("app", 1234L, null, "1234:0:0")]
    [InlineData("", 1000L, null, "1000:1001:1001 2000")]
    [InlineData("", 1000L, "Strict", "1000:1001:1001")]
    public async Task User_OfImageOrPod_IsLookedUpInTheImage(string imageUser, long? runAs, string? policy, string expected)
    {
        await using var node = NodeHarness.Start();
        await ImportAsync(node, TestImage.Busybox("user:1", new JsonObject { ["User"] = imageUser, ["Env"] = new JsonArray("PATH=/bin") }));
        var pod = node.Run("user", Of("user:1", p =>
        {
            p.Spec.SecurityContext = new V1PodSecurityContext { SupplementalGroupsPolicy = policy };
            p.Spec.Containers[0].SecurityContext = new V1SecurityContext { RunAsUser = runAs };
        }), "/bin/sh", "-c", "echo $(id -u):$(id -g):$(id -G); sleep 1000");
        await node.Api.WaitAsync("user", p => p?.Status?.Phase == "Running", "running");
        await node.WaitForLogAsync(pod, $"F {expected}\n");
    }

    [Theory]
    [InlineData("", "container has runAsNonRoot and image will run as root")]
    [InlineData("app", "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root")]
    public async Task RunAsNonRoot_OfAnImageThatMayBeRoot_IsRefused(string user, string expected)
    {
        await using var node = NodeHarness.Start();
        await ImportAsync(node, TestImage.Busybox("root:1", new JsonObject { ["User"] = user }));
        node.Run("root", Of("root:1", p => p.Spec.SecurityContext = new V1PodSecurityContext { RunAsNonRoot = true }), "/bin/sleep", "1");
        var pod = await node.Api.WaitAsync("root", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "CreateContainerConfigError", "refused");
        Assert.StartsWith(expected, pod.Status.ContainerStatuses[0].State.Waiting.Message);
    }

    [Fact]
    public async Task Image_MissingThenImported_IsBackedOffThenRuns()
    {
        await using var node = NodeHarness.Start();
        // Nothing listens there: refused at once.
        node.Run("late", Of("127.0.0.1:1/late:1"), "/bin/sleep", "1000");
        var pod = await node.Api.WaitAsync("late", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "ErrImagePull", "failed");
        Assert.Contains("connection refused", pod.Status.ContainerStatuses[0].State.Waiting.Message, StringComparison.Ordinal);
        pod = await node.Api.WaitAsync("late", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "ImagePullBackOff", "backed off");
        Assert.StartsWith("Back-off pulling image \"127.0.0.1:1/late:1\": ErrImagePull: failed to pull and unpack image", pod.Status.ContainerStatuses[0].State.Waiting.Message);
        Assert.Equal(["Pulling", "Failed", "Failed"], node.Api.Events.Select(e => e.Reason).Take(3));
        Assert.Contains(("BackOff", "Back-off pulling image \"127.0.0.1:1/late:1\""), node.Api.Events);
        await ImportAsync(node, TestImage.Busybox("127.0.0.1:1/late:1"));
        await node.Api.WaitAsync("late", p => p?.Status?.Phase == "Running", "running");
    }

    [Fact]
    public async Task Image_ImportedWithPolicyAlwaysAndNoRegistry_IsNotUsed()
    {
        await using var node = NodeHarness.Start();
        await ImportAsync(node, TestImage.Busybox("127.0.0.1:1/always:1"));
        node.Run("always", Of("127.0.0.1:1/always:1", policy: "Always"), "/bin/sleep", "1000");
        var pod = await node.Api.WaitAsync("always", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "ErrImagePull", "failed");
        Assert.Contains("IfNotPresent", pod.Status.ContainerStatuses[0].State.Waiting.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_NeverPulledAndMissing_IsErrImageNeverPullUntilItIsImported()
    {
        await using var node = NodeHarness.Start();
        node.Run("never", Of("never:1", policy: "Never"), "/bin/sleep", "1000");
        var pod = await node.Api.WaitAsync("never", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "ErrImageNeverPull", "refused");
        Assert.Equal("Container image \"never:1\" is not present with pull policy of Never", pod.Status.ContainerStatuses[0].State.Waiting.Message);
        await ImportAsync(node, TestImage.Busybox("never:1"));
        await node.Api.WaitAsync("never", p => p?.Status?.Phase == "Running", "running");
    }

    [Fact]
    public async Task Image_OfAnInvalidName_IsToldOf()
    {
        await using var node = NodeHarness.Start();
        node.Run("invalid", Of("NOT valid"), "/bin/true");
        var pod = await node.Api.WaitAsync("invalid", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "InvalidImageName", "refused");
        Assert.Contains("couldn't parse image name \"NOT valid\": invalid reference format", pod.Status.ContainerStatuses[0].State.Waiting.Message, StringComparison.Ordinal);
        Assert.Contains(node.Api.Events, e => e.Reason == "InspectFailed");
    }

    [Fact]
    public async Task StopSignal_OfTheImage_IsSent()
    {
        await using var node = NodeHarness.Start();
        await ImportAsync(node, TestImage.Busybox("signal:1", new JsonObject { ["StopSignal"] = "SIGUSR2", ["Env"] = new JsonArray("PATH=/bin") }));
        var pod = node.Run("signal", Of("signal:1", p => p.Spec.RestartPolicy = "Never"), "/bin/sh", "-c", "trap 'exit 42' USR2; echo up; while true; do sleep 0.1; done");
        await node.Api.WaitAsync("signal", p => p?.Status?.Phase == "Running", "running");
        await node.WaitForLogAsync(pod, "up");
        node.Api.Delete("signal", 20);
        var ended = await node.Api.WaitAsync("signal", p => p?.Status?.ContainerStatuses?[0].State.Terminated is not null, "ended");
        Assert.Equal(42, ended.Status.ContainerStatuses[0].State.Terminated.ExitCode);
    }

    [Fact]
    public async Task Image_OfAHundredLayers_Runs()
    {
        await using var node = NodeHarness.Start();
        var layers = Enumerable.Range(0, 100).Select(i => new TestLayer().File($"layer{i}", $"{i}").ToArray()).Prepend(TestImage.BusyboxLayer()).ToArray();
        await ImportAsync(node, new TestImage("deep:1", new JsonObject { ["Env"] = new JsonArray("PATH=/bin") }, layers));
        var pod = node.Run("deep", Of("deep:1"), "/bin/sh", "-c", "echo $(cat /layer0)$(cat /layer99); sleep 1000");
        await node.Api.WaitAsync("deep", p => p?.Status?.Phase == "Running", "running");
        await node.WaitForLogAsync(pod, "F 099\n");
    }
}
