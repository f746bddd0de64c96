using System.Net;
using Fairlead.Kubeconfig;
using Fairlead.Linux.Mounts;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Node;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Cluster;

/// <summary>Removes a cluster of this machine: processes, pods, namespaces, links, mounts, files and its context.</summary>
internal sealed class ClusterRemover(ClusterPaths paths, Steps steps, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    /// <summary>Answers false if there was none.</summary>
    public async Task<bool> DownAsync()
    {
        using var turn = await MachineTurn.TakeAsync(paths, time, CancellationToken.None);
        if (ClusterState.Read(paths) is not { } state)
        {
            if (!Directory.Exists(paths.Data)) return false;
            // A cluster whose start broke off before it was noted.
            Directory.Delete(paths.Data, recursive: true);
            return true;
        }
        if (!ProcessHandle.IsRoot) throw new UserException("run as root, as for `fairlead up`");
        await RemoveAsync(state);
        return true;
    }

    /// <summary>Stops a cluster as a machine's shutdown does: what `up` needs to go on with it stays. Answers false if there was none.</summary>
    public async Task<bool> StopAsync()
    {
        using var turn = await MachineTurn.TakeAsync(paths, time, CancellationToken.None);
        if (ClusterState.Read(paths) is not { } state) return false;
        if (!ProcessHandle.IsRoot) throw new UserException("run as root, as for `fairlead up`");
        await EndAsync(state);
        RemoveFolder(paths.Run);
        (state with { ServerPid = 0, Nodes = [.. state.Nodes.Select(node => node with { AgentPid = 0 })] }).Write(paths);
        return true;
    }

    public async Task RemoveAsync(ClusterState state)
    {
        // What was started is in the file; the caller's state may be older.
        state = ClusterState.Read(paths) ?? state;
        await EndAsync(state);
        await steps.RunAsync("files removed", () =>
        {
            RemoveContext(state);
            foreach (var folder in (ReadOnlySpan<string>)[paths.Run, paths.Data]) RemoveFolder(folder);
            return Task.CompletedTask;
        });
    }

    private async Task EndAsync(ClusterState state)
    {
        await steps.RunAsync("server and agents stop", () => StopAsync([state.ServerPid, .. state.Nodes.Select(node => node.AgentPid)]));
        await steps.RunAsync("pods and networks removed", async () =>
        {
            foreach (var node in state.Nodes) await TearDownAsync(paths, state, node);
            new Underlay(paths).Remove(state.Nodes);
        });
    }

    /// <summary>Ends a node's pods and removes what its agent made; the agent must have ended.</summary>
    internal static async Task TearDownAsync(ClusterPaths paths, ClusterState state, ClusterNode node)
    {
        var path = paths.NodeNamespace(node.Name);
        if (!File.Exists(path)) return;
        using var network = NetworkNamespace.Open(path);
        var options = new NodeAgentOptions { ClusterName = state.Name, NodeName = node.Name, InternalAddress = IPAddress.Parse(node.Address) };
        await NodeTeardown.RunAsync(options, network, NullLogger.Instance, CancellationToken.None);
    }

    private async Task StopAsync(IEnumerable<int> pids)
    {
        var running = pids.Where(pid => pid > 0).Select(ProcessHandle.TryOpen).OfType<ProcessHandle>().ToList();
        foreach (var process in running) process.TrySignal(Signal.Terminate);
        foreach (var process in running)
        {
            using (process)
            {
                using var patience = new CancellationTokenSource(Patience, time);
                await process.WaitForExitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (process.HasExited) continue;
                process.TrySignal(Signal.Kill);
                await process.WaitForExitAsync();
            }
        }
    }

    private void RemoveContext(ClusterState state)
    {
        if (!File.Exists(state.Kubeconfig)) return;
        var file = KubeconfigFile.Open(state.Kubeconfig);
        file.Remove(paths.Context);
        file.Save();
    }

    private static void RemoveFolder(string folder)
    {
        if (!Directory.Exists(folder)) return;
        MountTable.UnmountUnder(folder);
        Directory.Delete(folder, recursive: true);
        // The last cluster takes the common folder with it.
        var parent = Path.GetDirectoryName(folder)!;
        if (!Directory.EnumerateFileSystemEntries(parent).Any()) Directory.Delete(parent);
    }
}
