using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

public sealed class EphemeralTests
{
    [Fact]
    public async Task EphemeralContainer_PutIntoARunningPod_SeesItsTargetAndRunsOnce()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("looked-at", null, "/bin/sleep", "1000");
        var now = await node.Api.WaitAsync("looked-at", p => p?.Status?.Phase == "Running", "running");
        Assert.Null(now.Status.EphemeralContainerStatuses);
        now.Spec.EphemeralContainers =
        [
            new V1EphemeralContainer { Name = "debugger", Image = "fairlead/host", TargetContainerName = "main", Command = ["/bin/sh", "-c", "tr '\\0' ' ' </proc/1/cmdline; exit 3"] },
        ];
        node.Api.Put(now);
        var after = await node.Api.WaitAsync("looked-at", p => p?.Status?.EphemeralContainerStatuses?[0].State.Terminated is not null, "looked at");
        Assert.Equal(3, after.Status.EphemeralContainerStatuses[0].State.Terminated.ExitCode);
        Assert.Equal("Running", after.Status.Phase);
        Assert.Equal(0, after.Status.ContainerStatuses[0].RestartCount);
        var containers = node.Runtime.Observe(pod.Metadata.Uid).Containers;
        Assert.Equal(["debugger", "main"], containers.Select(container => container.Name).Order());
        Assert.Contains("/bin/sleep 1000", File.ReadAllText(containers.Single(container => container.Name == "debugger").LogPath), StringComparison.Ordinal);
        Assert.Contains(("Started", "Started container debugger"), node.Api.Events);
        node.Api.Delete("looked-at", 0);
        await node.Api.WaitAsync("looked-at", p => p is null, "gone");
    }
}
