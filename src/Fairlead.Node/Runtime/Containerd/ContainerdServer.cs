using Fairlead.Linux;
using Fairlead.Linux.Processes;
using Fairlead.Node.Network;
using Fairlead.Node.Runtime.Cri;
using Fairlead.Node.Runtime.Oci;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime.Containerd;

/// <summary>
/// The node's own containerd: with folders, socket and configuration of its own, so that another one of the machine is not touched. It
/// outlives the agent as containers do, and one that runs is taken over; one that ends is started again.
/// </summary>
internal sealed class ContainerdServer(ContainerdPaths paths, string networkSocket, CriClient client, string program, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan RestartDelay = TimeSpan.FromSeconds(1);
    private readonly string _containerd = OciTools.Find("containerd");
    private readonly string _runtime = OciTools.Find("runc");

    /// <summary>Serves when this completes; answers its version.</summary>
    /// <exception cref="NodeStartException">It cannot be started; the message says what to do.</exception>
    public async Task<string> StartAsync(CancellationToken cancel)
    {
        if (await TryVersionAsync(cancel) is { } running)
        {
            RuntimeLog.Serves(log, running, paths.Socket, "taken over");
            return running;
        }
        Prepare();
        return await LaunchAsync(cancel);
    }

    /// <summary>Starts it again when it ends, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.Delay(RestartDelay, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancel.IsCancellationRequested) return;
            try
            {
                if (Runs()) continue;
                RuntimeLog.Ended(log, paths.Socket);
                await LaunchAsync(cancel);
            }
            catch (Exception e) when (e is NodeStartException or LinuxException)
            {
                RuntimeLog.OutOfReach(log, paths.Socket, e.Message);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task<string> LaunchAsync(CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        while (time.GetElapsedTime(began) < Patience)
        {
            var pid = Daemon.Start(new DaemonOptions { Program = _containerd, Arguments = ["--config", paths.Config], LogFile = paths.Log });
            if (await ServesAsync(pid, began, cancel) is { } version)
            {
                RuntimeLog.Serves(log, version, paths.Socket, "started");
                return version;
            }
            RuntimeLog.Ended(log, paths.Socket);
            await Task.Delay(RestartDelay, time, cancel);
        }
        throw new NodeStartException($"{_containerd} does not serve CRI at {paths.Socket}; see {paths.Log}");
    }

    /// <summary>The version when it serves; null if it ends before, or does not within the patience.</summary>
    private async Task<string?> ServesAsync(int pid, long began, CancellationToken cancel)
    {
        using var process = ProcessHandle.TryOpen(pid);
        while (process is { HasExited: false } && time.GetElapsedTime(began) < Patience)
        {
            if (await TryVersionAsync(cancel) is { } version) return version;
            await Task.Delay(PollEvery, time, cancel);
        }
        return null;
    }

    private async Task<string?> TryVersionAsync(CancellationToken cancel)
    {
        if (!File.Exists(paths.Socket)) return null;
        try
        {
            // As runc's version: without what the packager added.
            return (await client.VersionAsync(cancel)).Version.Split('~', '+')[0];
        }
        catch (CriException)
        {
            return null;
        }
    }

    private bool Runs() => ProcessTable.All().Any(pid => ProcessTable.Name(pid) == "containerd" && ProcessTable.CommandLine(pid).Contains(paths.Config, StringComparison.Ordinal));

    private void Prepare()
    {
        foreach (var folder in (string[])[paths.Root, paths.State, paths.Plugins, paths.Networks, paths.RuntimeState, Path.GetDirectoryName(paths.Log)!]) Directory.CreateDirectory(folder);
        foreach (var plugin in CniPlugin.Names)
        {
            File.Delete($"{paths.Plugins}/{plugin}");
            File.CreateSymbolicLink($"{paths.Plugins}/{plugin}", program);
        }
        File.WriteAllText($"{paths.Networks}/10-fairlead.conflist", CniPlugin.Configuration(networkSocket));
        File.WriteAllText(paths.Config, ContainerdConfig.Write(paths, _runtime));
    }
}
