using System.Globalization;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Node.Network;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Containerd;
using Fairlead.Node.Runtime.Cri;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node;

/// <summary>
/// Takes down all that a node's agent ever made, by what is on disk and in the kernel: containers by force, namespaces, mounts,
/// links, cgroups, folders. The agent itself must have ended. May be run again after it failed half way.
/// </summary>
public static class NodeTeardown
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>As <see cref="RunAsync(NodeAgentOptions, NetworkNamespace, ILogger, CancellationToken)"/>, in the calling process's network namespace.</summary>
    public static async Task RunAsync(NodeAgentOptions options, ILogger log, CancellationToken cancel)
    {
        using var node = NetworkNamespace.OpenCurrent();
        await RunAsync(options, node, log, cancel);
    }

    /// <param name="node">The node's network namespace; it may be one that is deleted next.</param>
    /// <exception cref="IOException">Something could not be removed; the message says what.</exception>
    public static async Task RunAsync(NodeAgentOptions options, NetworkNamespace node, ILogger log, CancellationToken cancel)
    {
        var paths = new NodePaths(options);
        var containerd = new ContainerdPaths(paths);
        await EndpointLeftovers.RemoveAsync(paths, cancel);
        var (sockets, hasContainerd) = (containerd.ShimFiles().ToList(), Directory.Exists(containerd.Root));
        await KillAllAsync(paths, containerd, cancel);
        if (hasContainerd) RemoveShimSockets([.. sockets, .. containerd.ShimFiles()]);
        foreach (var pod in Folders($"{paths.Run}/pods"))
        {
            foreach (var kind in (string[])["net", "uts", "ipc"]) NetworkNamespace.Delete($"{pod}/{kind}");
        }
        foreach (var folder in (string[])[paths.Pods, $"{paths.Run}/pods"]) MountedFolders.Delete(folder);
        new PodNetwork(node, options.BridgeName, paths.Addresses).Remove();
        NodeRoutes.Remove(node);
        PodCgroups.Delete(paths.CgroupParent);
        PodCgroups.DeleteUpwards(Path.GetDirectoryName(paths.CgroupParent)!);
        foreach (var folder in (string[])[paths.Exits, paths.Execs, paths.AttachSockets, paths.RuntimeState, paths.Addresses, paths.Logs]) MountedFolders.Delete(folder);
        MountedFolders.Delete(paths.Root);
        MountedFolders.Delete(paths.Run);
        TeardownLog.Done(log, options.NodeName);
    }

    private static IEnumerable<string> Folders(string folder) => Directory.Exists(folder) ? Directory.EnumerateDirectories(folder) : [];

    /// <summary>Until none is left: one that was starting a container may have made another before it was killed.</summary>
    private static async Task KillAllAsync(NodePaths paths, ContainerdPaths containerd, CancellationToken cancel)
    {
        // Told of a shim's end, it would start others to clean up.
        await Task.WhenAll(FindProcesses(paths, containerd).Where(pid => ProcessTable.Name(pid) == "containerd").Select(pid => KillAsync(pid, cancel)));
        for (var left = FindProcesses(paths, containerd); left.Count > 0; left = FindProcesses(paths, containerd))
            await Task.WhenAll(left.Select(pid => KillAsync(pid, cancel)));
    }

    /// <summary>A shim that is killed leaves its socket behind.</summary>
    private static void RemoveShimSockets(IEnumerable<string> sockets)
    {
        foreach (var socket in sockets.Distinct().Where(File.Exists)) File.Delete(socket);
        // Where no other containerd uses them, the folders are ours too.
        foreach (var folder in (string[])[ContainerdPaths.ShimSockets, Path.GetDirectoryName(ContainerdPaths.ShimSockets)!])
        {
            if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any()) Directory.Delete(folder);
        }
    }

    /// <summary>Runtime, conmon and containerd by the folder in their command lines, and whatever is in the pods' cgroups.</summary>
    private static List<int> FindProcesses(NodePaths paths, ContainerdPaths containerd)
    {
        var supervisors = ProcessTable.All().Where(pid => IsSupervisor(ProcessTable.Name(pid)) && IsOfNode(ProcessTable.CommandLine(pid)));
        return [.. supervisors.Union(PodCgroups.Processes(paths.CgroupParent))];

        bool IsOfNode(string line) => line.Contains(paths.RuntimeState, StringComparison.Ordinal) || line.Contains(containerd.Run, StringComparison.Ordinal);
    }

    private static bool IsSupervisor(string name) =>
        name.StartsWith("conmon", StringComparison.Ordinal) || name.StartsWith("runc", StringComparison.Ordinal) || name.StartsWith("crun", StringComparison.Ordinal)
        || name.StartsWith("containerd", StringComparison.Ordinal);

    private static async Task KillAsync(int pid, CancellationToken cancel)
    {
        using var process = ProcessHandle.TryOpen(pid);
        if (process is null || !process.TrySignal(Signal.Kill)) return;
        await process.WaitForExitAsync(cancel).WaitAsync(Patience, cancel);
    }
}

internal static partial class TeardownLog
{
    [LoggerMessage(2901, LogLevel.Information, "node {Node}: all of it is gone")]
    public static partial void Done(ILogger log, string node);
}
