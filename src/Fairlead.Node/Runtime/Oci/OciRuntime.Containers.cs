using System.Security.Cryptography;
using Fairlead.Linux;
using Fairlead.Linux.Mounts;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    /// <summary>What containerd gives a container whose process could not be started.</summary>
    private const int StartFailureCode = 128;

    public async Task<ContainerState> RunContainerAsync(ContainerConfig config, CancellationToken cancel)
    {
        var record = Describe(config);
        var files = FilesOf(record.PodUid, record.Id);
        try
        {
            Prepare(config, record, files);
            Put(record.State(ContainerPhase.Created));
            await _command.CreateUnderConmonAsync(ConmonArguments(config, record, files), cancel);
            await _command.RunAsync(["start", record.Id], cancel);
        }
        catch (Exception e) when (e is RuntimeException or IOException)
        {
            return await FailStartAsync(record, files, e.Message);
        }
        record = record with { StartedAt = _time.GetUtcNow() };
        RecordFile.Write(files.Record, record, RecordJson.Default.ContainerRecord);
        Put(record.Running());
        // It may have ended before it was put down as running.
        OnExit(record.Id);
        return Find(record.PodUid, record.Id) ?? record.Running();
    }

    public async Task RemoveContainerAsync(string podUid, string containerId, CancellationToken cancel)
    {
        var files = FilesOf(podUid, containerId);
        if (Find(podUid, containerId) is not { } container) return;
        if (File.Exists($"{_command.StateFolder}/{containerId}/state.json")) await _command.RunAsync(["delete", "--force", containerId], cancel);
        await Task.Run(() => MountedFolders.Delete(files.Folder), cancel);
        files.DeleteRunFiles();
        File.Delete(container.LogPath);
        _podOfContainer.TryRemove(containerId, out _);
        Update(podUid, state => state with { Containers = state.Containers.RemoveAll(other => other.Id == containerId) });
    }

    private ContainerRecord Describe(ContainerConfig config)
    {
        var sandbox = config.Sandbox;
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        return new ContainerRecord
        {
            Id = id,
            PodUid = sandbox.PodUid,
            Name = config.Name,
            Init = config.Init,
            Attempt = config.Attempt,
            Image = config.ImageName,
            ImageId = config.Image.Id,
            LogPath = $"{_paths.PodLogs(sandbox.Namespace, sandbox.Name, sandbox.PodUid)}/{config.Name}/{config.Attempt}.log",
            MessagePath = FilesOf(sandbox.PodUid, id).Message,
            MessageFromLog = config.MessageFromLog,
            Stdin = config.Stdin,
            Tty = config.Tty,
            CreatedAt = _time.GetUtcNow(),
        };
    }

    private void Prepare(ContainerConfig config, ContainerRecord record, ContainerFiles files)
    {
        Directory.CreateDirectory(files.Folder);
        Directory.CreateDirectory(Path.GetDirectoryName(record.LogPath)!);
        File.WriteAllBytes(files.Message, []);
        File.SetUnixFileMode(files.Message, (UnixFileMode)0b110_110_110);
        RecordFile.Write(files.Record, record, RecordJson.Default.ContainerRecord);
        files.MountRoot(config.Image);
        var places = new OciPlaces(files.RootFileSystem, $"{_paths.PodCgroup(record.PodUid)}/{record.Id}", _paths.Namespaces(record.PodUid));
        var mounts = config.Mounts.Add(new ContainerMount(files.Message, config.TerminationMessagePath, ReadOnly: false));
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
        var failed = Ended(record, StartFailureCode, now, false);
        Put(failed);
        return failed;
    }
}
