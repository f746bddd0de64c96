using Fairlead.Linux;
using Fairlead.Linux.Mounts;
using Fairlead.Node.Images.Archives;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    public async Task<ContainerState> RunContainerAsync(ContainerConfig config, CancellationToken cancel)
    {
        var sandbox = config.Sandbox;
        var files = FilesOf(sandbox.PodUid, ContainerRecord.NewId());
        var log = $"{_paths.PodLogs(sandbox.Namespace, sandbox.Name, sandbox.PodUid)}/{config.Name}/{config.Attempt}.log";
        var record = ContainerRecord.Of(config, files.Id, log, files.Message, _time.GetUtcNow());
        try
        {
            Prepare(config, record, files);
            _pods.Put(record.State(ContainerPhase.Created));
            await _command.CreateUnderConmonAsync(ConmonArguments(config, record, files), cancel);
            await _command.RunAsync(["start", record.Id], cancel);
        }
        catch (Exception e) when (e is RuntimeException or IOException)
        {
            return await FailStartAsync(record, files, e.Message);
        }
        record = record with { StartedAt = _time.GetUtcNow() };
        RecordFile.Write(files.Record, record, RecordJson.Default.ContainerRecord);
        _pods.Put(record.Running());
        // It may have ended before it was put down as running.
        OnExit(record.Id);
        return _pods.Find(record.PodUid, record.Id) ?? record.Running();
    }

    public async Task RemoveContainerAsync(string podUid, string containerId, CancellationToken cancel)
    {
        var files = FilesOf(podUid, containerId);
        if (_pods.Find(podUid, containerId) is not { } container) return;
        if (File.Exists($"{_command.StateFolder}/{containerId}/state.json")) await _command.RunAsync(["delete", "--force", containerId], cancel);
        await Task.Run(() => MountedFolders.Delete(files.Folder), cancel);
        files.DeleteRunFiles();
        foreach (var log in LogRotation.Rotated(container.LogPath).Prepend(container.LogPath)) File.Delete(log);
        _pods.Remove(podUid, containerId);
    }

    private void Prepare(ContainerConfig config, ContainerRecord record, ContainerFiles files)
    {
        Directory.CreateDirectory(files.Folder);
        record.CreateFiles();
        RecordFile.Write(files.Record, record, RecordJson.Default.ContainerRecord);
        files.MountRoot(config.Image);
        var user = ContainerUser.Find(new LayerRoot(files.RootFileSystem), config.Security);
        var places = new OciPlaces(files.RootFileSystem, $"{_paths.PodCgroup(record.PodUid)}/{record.Id}", _paths.Namespaces(record.PodUid), user, ProcessNamespaceOf(config));
        var mounts = config.Mounts.Add(record.MessageMount(config));
        using var spec = File.Create(files.Spec);
        OciSpec.Write(spec, config with { Mounts = mounts }, places);
    }

    private List<string> ConmonArguments(ContainerConfig config, ContainerRecord record, ContainerFiles files)
    {
        List<string> arguments =
        [
            "-c", record.Id, "-u", record.Id, "-n", record.Name, "-b", files.Folder, "-p", files.ProcessId, "-P", files.ConmonProcessId,
            "--persist-dir", files.Folder, "--exit-dir", _paths.Exits, "--socket-dir-path", _paths.AttachSockets, "-l", $"k8s-file:{record.LogPath}",
        ];
        if (config.Tty) arguments.Add("-t");
        if (config.Stdin) arguments.Add("-i");
        if (config.Stdin && !config.StdinOnce) arguments.Add("--leave-stdin-open");
        return arguments;
    }

    private async Task<ContainerState> FailStartAsync(ContainerRecord record, ContainerFiles files, string why)
    {
        var now = _time.GetUtcNow();
        record = record with { StartFailure = why, StartedAt = now };
        RecordFile.Write(files.Record, record, RecordJson.Default.ContainerRecord);
        try
        {
            if (File.Exists($"{_command.StateFolder}/{record.Id}/state.json"))
                await _command.RunAsync(["delete", "--force", record.Id], CancellationToken.None);
            MountTable.UnmountUnder(files.Folder);
        }
        catch (Exception e) when (e is RuntimeException or LinuxException)
        {
            RuntimeLog.LeftBehind(_log, record.Id, e.Message);
        }
        var failed = record.Ended(ContainerRecord.StartFailureCode, now, false);
        _pods.Put(failed);
        return failed;
    }
}
