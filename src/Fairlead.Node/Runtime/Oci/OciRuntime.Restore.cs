using Fairlead.Linux.Processes;
using Fairlead.Linux.Mounts;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    /// <summary>Reads what an earlier agent left, without touching a container that runs.</summary>
    private void Restore()
    {
        foreach (var folder in Directory.EnumerateDirectories(_paths.Pods))
        {
            var uid = Path.GetFileName(folder);
            var sandbox = RecordFile.Read($"{folder}/sandbox.json", RecordJson.Default.PodSandbox);
            var isLost = sandbox is { Ready: true } && !IsAlive(sandbox);
            // Its network went with its namespaces; one that may not begin again would keep its address until it is deleted.
            if (isLost) _network.Release(uid);
            _pods.Put(uid, sandbox is null ? null : sandbox with { Ready = IsAlive(sandbox) && TakeOverPause(uid) });
            if (!Directory.Exists($"{folder}/containers")) continue;
            foreach (var container in Directory.EnumerateDirectories($"{folder}/containers")) RestoreContainer(uid, Path.GetFileName(container));
        }
    }

    /// <summary>A reboot unmounts the namespaces; then the pod needs a new sandbox.</summary>
    private bool IsAlive(PodSandbox sandbox) => sandbox.Ready && MountTable.Under($"{_paths.Namespaces(sandbox.PodUid)}/ipc").Count > 0;

    private void RestoreContainer(string uid, string id)
    {
        var files = FilesOf(uid, id);
        // Without a record it was never more than half made, and nothing tells of it: removed with its pod.
        if (ReadRecord(files) is not { } record) return;
        if (record.StartFailure is not null) _pods.Put(record.Ended(ContainerRecord.StartFailureCode, record.StartedAt ?? record.CreatedAt, false));
        else if (files.ReadExit() is { } exit)
        {
            KillRest(record);
            _pods.Put(record.Ended(exit.Code, exit.At, files.RanOutOfMemory));
        }
        else if (IsSupervised(files)) _pods.Put(TakeOver(record, files));
        else _pods.Put(record.Lost(_time.GetUtcNow()));
    }

    /// <summary>One that the agent died over between creating and starting it is not started any more: its end makes way for the next.</summary>
    private ContainerState TakeOver(ContainerRecord record, ContainerFiles files)
    {
        if (record.StartedAt is not null) return record.Running();
        // The runtime removes the fifo that holds the process back when it starts it.
        if (!File.Exists($"{_command.StateFolder}/{record.Id}/exec.fifo")) return (record with { StartedAt = record.CreatedAt }).Running();
        if (ContainerFiles.ReadProcessId(files.ProcessId) is { } pid) ProcessHandle.TrySignal(pid, Signal.Kill);
        return record.State(ContainerPhase.Created);
    }

    private static bool IsSupervised(ContainerFiles files)
    {
        if (ContainerFiles.ReadProcessId(files.ConmonProcessId) is not { } pid || ProcessHandle.TryOpen(pid) is not { } conmon) return false;
        using (conmon)
        {
            // The number may have come to mean another process since.
            return !conmon.HasExited && ProcessTable.Name(pid) == "conmon";
        }
    }
}
