using System.Collections.Concurrent;
using System.Globalization;
using Fairlead.Linux.Processes;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>
/// The containers of a pod with shareProcessNamespace live in one process namespace (Kubernetes documentation: "Share Process Namespace between
/// Containers in a Pod"). Its first process is none of theirs, so that each of them can end and come back: a container of its own that only waits.
/// It needs no conmon, for it has no output and nobody asks for its exit code; when it ends, the kernel has killed all of the pod.
/// </summary>
internal sealed partial class OciRuntime
{
    private const string PauseName = "pause";

    /// <summary>That of containerd's pause image: nobody.</summary>
    private const uint PauseUser = 65535;

    /// <summary>By pod: ends the watch over its pause.</summary>
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _pauses = new();

    private string PauseFolder(string uid) => $"{_paths.Pod(uid)}/{PauseName}";

    private string PauseProcessId(string uid) => $"{_paths.Namespaces(uid)}/{PauseName}.pid";

    private static string PauseId(string uid) => $"{PauseName}-{uid}";

    /// <exception cref="RuntimeException">It does not start; nothing of the sandbox remains.</exception>
    private async Task StartPauseAsync(PodSandbox sandbox, CancellationToken cancel)
    {
        var (uid, folder) = (sandbox.PodUid, PauseFolder(sandbox.PodUid));
        try
        {
            WritePause(sandbox, folder);
            await _command.RunDetachedAsync(["run", "--detach", "--bundle", folder, "--pid-file", PauseProcessId(uid), PauseId(uid)], $"{folder}/log", cancel);
            if (!TakeOverPause(uid)) throw new RuntimeException("the process that holds the pod's process namespace has ended");
        }
        catch (Exception e) when (e is RuntimeException or IOException)
        {
            await StopSandboxAsync(uid, CancellationToken.None);
            throw new RuntimeException(e.Message, e);
        }
    }

    private void WritePause(PodSandbox sandbox, string folder)
    {
        const string Program = "/pause";
        var root = $"{folder}/rootfs";
        Directory.CreateDirectory(root);
        File.WriteAllBytes(root + Program, PauseProgram.Build());
        File.SetUnixFileMode(root + Program, (UnixFileMode)0b111_101_101);
        var config = new ContainerConfig
        {
            Sandbox = sandbox,
            Name = PauseName,
            ImageName = PauseName,
            Image = new Image { Id = PauseName, Layers = [] },
            Command = [Program],
            Security = new ContainerSecurity { ReadOnlyRoot = true, NoNewPrivileges = true, DroppedCapabilities = ["ALL"] },
            // kubelet's for a sandbox: it is the last of the pod to go when memory is short.
            Resources = new ContainerResources { OomScoreAdjustment = -998 },
        };
        using var spec = File.Create($"{folder}/config.json");
        OciSpec.Write(spec, config, new OciPlaces(root, $"{_paths.PodCgroup(sandbox.PodUid)}/{PauseName}", _paths.Namespaces(sandbox.PodUid), new ContainerUser(PauseUser, PauseUser, [])));
    }

    /// <summary>Watches over the pod's pause from now on; false when it should be there and is not.</summary>
    private bool TakeOverPause(string uid)
    {
        if (!Directory.Exists(PauseFolder(uid))) return true;
        if (ContainerFiles.ReadProcessId(PauseProcessId(uid)) is not { } pid || ProcessHandle.TryOpen(pid) is not { } process) return false;
        // The number may have come to mean another process since.
        if (process.HasExited || ProcessTable.Name(pid) != PauseName)
        {
            process.Dispose();
            return false;
        }
        var watch = new CancellationTokenSource();
        _pauses[uid] = watch;
        _ = WatchPauseAsync(uid, process, watch);
        return true;
    }

    /// <summary>
    /// False when the pod's pause is on its way out: the kernel kills the others of the namespace first, so that their ends are heard of before its
    /// own, and nothing more can be started there.
    /// </summary>
    private bool HoldsProcesses(string uid)
    {
        const int Flags = 6, Exiting = 4;
        if (!Directory.Exists(PauseFolder(uid))) return true;
        if (ContainerFiles.ReadProcessId(PauseProcessId(uid)) is not { } pid || ProcessTable.Name(pid) != PauseName) return false;
        var status = ProcessTable.Status(pid);
        return status.Length > Flags && uint.TryParse(status[Flags], CultureInfo.InvariantCulture, out var flags) && (flags & Exiting) == 0;
    }

    private async Task WatchPauseAsync(string uid, ProcessHandle pause, CancellationTokenSource watch)
    {
        using (pause)
        {
            await pause.WaitForExitAsync(watch.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (!_pauses.TryRemove(new(uid, watch))) return;
        RuntimeLog.PauseEnded(_log, uid);
        _pods.LoseSandbox(uid);
        Changed?.Invoke(uid);
    }

    private bool LeavePause(string uid)
    {
        if (!_pauses.TryRemove(uid, out var watch)) return false;
        watch.Cancel();
        return true;
    }

    /// <summary>Ends it and, with it, whatever still runs in the pod's process namespace. Nothing happens to a pod without one.</summary>
    private async Task EndPauseAsync(string uid, CancellationToken cancel)
    {
        var folder = PauseFolder(uid);
        if (!LeavePause(uid) && !Directory.Exists(folder)) return;
        if (File.Exists($"{_command.StateFolder}/{PauseId(uid)}/state.json")) await _command.RunAsync(["delete", "--force", PauseId(uid)], cancel);
        File.Delete(PauseProcessId(uid));
        await Task.Run(() => MountedFolders.Delete(folder), cancel);
    }

    /// <summary>Path of the process namespace that the container joins; null: one of its own.</summary>
    private string? ProcessNamespaceOf(ContainerConfig config)
    {
        var uid = config.Sandbox.PodUid;
        var (holder, file) = (config.SharedProcesses, config.JoinedContainer) switch
        {
            (true, _) => ("the pod's pause", PauseProcessId(uid)),
            (false, { } target) => ($"container {target}", FilesOf(uid, target).ProcessId),
            _ => ("", null),
        };
        if (file is null || config.HostPid) return null;
        return ContainerFiles.ReadProcessId(file) is { } pid && Directory.Exists($"/proc/{pid}")
            ? $"/proc/{pid}/ns/pid"
            : throw new RuntimeException($"{holder}, whose processes were to be seen, is not running");
    }

    /// <summary>A container has ended, but what it started may run on where the namespace is not its own.</summary>
    private void KillRest(ContainerRecord record)
    {
        if (record.SharesProcesses) PodCgroups.Kill($"{_paths.PodCgroup(record.PodUid)}/{record.Id}");
    }
}
