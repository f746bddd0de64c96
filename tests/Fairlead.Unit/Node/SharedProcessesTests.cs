using Fairlead.Linux.Processes;
using Fairlead.Node.Runtime;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>shareProcessNamespace, on the real kernel.</summary>
public sealed class SharedProcessesTests
{
    private static V1Pod RunPair(NodeHarness node) => node.Run("pair", pod =>
    {
        pod.Spec.ShareProcessNamespace = true;
        pod.Spec.TerminationGracePeriodSeconds = 0;
        pod.Spec.Containers.Add(new V1Container { Name = "other", Image = "fairlead/host", Command = ["/bin/sleep", "2222"] });
    }, "/bin/sh", "-c", "sleep 3333 & exec sleep 1111");

    [Fact]
    public async Task Containers_OfOnePod_SeeOneAnotherAndThePauseIsFirst()
    {
        await using var node = NodeHarness.Start();
        var pod = RunPair(node);
        await node.Api.WaitAsync("pair", Runs(0, 0), "running");
        Assert.Equal(["pause", "sleep 1111", "sleep 2222", "sleep 3333"], Seen(node, pod));

        node.Api.Delete("pair", 0);
        await node.Api.WaitAsync("pair", p => p is null, "gone");
        Assert.Empty(PodCgroups.Processes(node.Paths.PodCgroup(pod.Metadata.Uid)));
        Assert.False(Directory.Exists(node.Paths.Pod(pod.Metadata.Uid)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(node.Paths.RuntimeState));
    }

    [Fact]
    public async Task Container_Killed_TakesWhatItStartedAlongAndLeavesTheOther()
    {
        await using var node = NodeHarness.Start();
        var pod = RunPair(node);
        await node.Api.WaitAsync("pair", Runs(0, 0), "running");
        var child = Processes(node, pod).Single(process => CommandLine(process) == "sleep 3333");

        ProcessHandle.TrySignal(Processes(node, pod).Single(process => CommandLine(process) == "sleep 1111"), Signal.Kill);

        await node.Api.WaitAsync("pair", Runs(1, 0), "restarted");
        Assert.NotEqual("sleep 3333", CommandLine(child));
        Assert.Equal(["pause", "sleep 1111", "sleep 2222", "sleep 3333"], Seen(node, pod));
    }

    [Fact]
    public async Task Agent_Restarted_FindsThePauseAndNoticesItsEnd()
    {
        await using var node = NodeHarness.Start();
        var pod = RunPair(node);
        await node.Api.WaitAsync("pair", Runs(0, 0), "running");
        var before = Processes(node, pod);

        await node.RestartAgentAsync();
        Assert.Equal(before, Processes(node, pod));
        Assert.True(node.Runtime.Observe(pod.Metadata.Uid).Sandbox!.Ready);

        ProcessHandle.TrySignal(before.Single(process => ProcessTable.Name(process) == "pause"), Signal.Kill);
        await node.Api.WaitAsync("pair", Runs(1, 1), "started anew");
        Assert.Equal(["pause", "sleep 1111", "sleep 2222", "sleep 3333"], Seen(node, pod));
    }

    private static Func<V1Pod?, bool> Runs(int main, int other) => pod =>
        pod?.Status?.Phase == "Running" && pod.Status.ContainerStatuses is { Count: 2 } all && all.All(one => one.Ready)
        && all.Single(one => one.Name == "main").RestartCount == main && all.Single(one => one.Name == "other").RestartCount == other;

    private static int[] Processes(NodeHarness node, V1Pod pod) => [.. PodCgroups.Processes(node.Paths.PodCgroup(pod.Metadata.Uid)).Order()];

    /// <summary>All processes in the namespace of the second container, the first one first.</summary>
    private static string[] Seen(NodeHarness node, V1Pod pod)
    {
        var first = Processes(node, pod).Single(process => CommandLine(process) == "sleep 2222");
        var space = Namespace(first);
        return [.. ProcessTable.All().Where(process => Namespace(process) == space).Select(CommandLine).Select(line => line.TrimStart('/')).Order(StringComparer.Ordinal)];
    }

    private static string? Namespace(int process)
    {
        try
        {
            return new FileInfo($"/proc/{process}/ns/pid").LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string CommandLine(int process) => ProcessTable.CommandLine(process).TrimEnd('\0').Replace('\0', ' ').Replace("/bin/", "", StringComparison.Ordinal);
}
