using Fairlead.Kube.Grpc;
using Fairlead.Linux;
using Fairlead.Linux.Mounts;
using Fairlead.Node.Images.Archives;

namespace Fairlead.Node.Runtime.Cri;

internal sealed partial class CriRuntime
{
    public async Task<ContainerState> RunContainerAsync(ContainerConfig config, CancellationToken cancel)
    {
        var folder = FolderOf(config.Sandbox.PodUid, config.Name, config.Attempt);
        // The runtime gives it another number; of one that it refuses to create, this stays.
        var record = ContainerRecord.Of(config, ContainerRecord.NewId(), $"{LogFolder(config.Sandbox.Namespace, config.Sandbox.Name, config.Sandbox.PodUid)}/{LogName(config)}", $"{folder}/message", time.GetUtcNow());
        try
        {
            config = Prepare(config, record, folder);
            var image = await images.EnsureAsync(config.Image, cancel);
            var request = ContainerRequest.Write(
                await SandboxIdAsync(record.PodUid, cancel), await File.ReadAllBytesAsync(SandboxMessage(record.PodUid), cancel), config, PlacesOf(config, image, folder));
            record = record with { Id = await client.CreateContainerAsync(request, cancel), CreatedAt = time.GetUtcNow() };
            Write(record, folder);
            _pods.Put(record.State(ContainerPhase.Created));
            await client.StartContainerAsync(record.Id, cancel);
        }
        catch (Exception e) when (e is RuntimeException or IOException)
        {
            return FailStart(record, folder, e.Message);
        }
        record = record with { StartedAt = time.GetUtcNow() };
        Write(record, folder);
        _pods.Put(record.Running());
        // It may have ended before it was put down as running.
        await LookAsync(record.Id, cancel);
        return _pods.Find(record.PodUid, record.Id) ?? record.Running();
    }

    public async Task StopContainerAsync(string podUid, string containerId, TimeSpan grace, CancellationToken cancel)
    {
        if (_pods.Find(podUid, containerId) is not { Phase: not ContainerPhase.Exited }) return;
        try
        {
            await client.StopContainerAsync(containerId, (long)Math.Ceiling(grace.TotalSeconds), cancel);
        }
        catch (CriException e) when (e.Code == GrpcCode.NotFound)
        {
            // The next look finds it lost.
        }
        for (var wait = FirstLook; _pods.Find(podUid, containerId) is { Phase: not ContainerPhase.Exited }; wait += FirstLook)
        {
            await LookAsync(containerId, cancel);
            if (_pods.Find(podUid, containerId) is { Phase: not ContainerPhase.Exited }) await Task.Delay(wait, time, cancel);
        }
    }

    public async Task RemoveContainerAsync(string podUid, string containerId, CancellationToken cancel)
    {
        if (_pods.Find(podUid, containerId) is not { } container) return;
        try
        {
            await client.RemoveContainerAsync(containerId, cancel);
        }
        catch (CriException e) when (e.Code == GrpcCode.NotFound)
        {
        }
        await Task.Run(() => MountedFolders.Delete(FolderOf(podUid, container.Name, container.Attempt)), cancel);
        foreach (var file in LogRotation.Rotated(container.LogPath).Prepend(container.LogPath)) File.Delete(file);
        _pods.Remove(podUid, containerId);
    }

    public Task ReopenLogAsync(string podUid, string containerId, CancellationToken cancel) =>
        _pods.Find(podUid, containerId) is { Phase: ContainerPhase.Running } ? client.ReopenLogAsync(containerId, cancel) : Task.CompletedTask;

    private static string LogName(ContainerConfig config) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{config.Name}/{config.Attempt}.log");

    /// <summary>Makes the container's files; answers its configuration with the mounts of them.</summary>
    private static ContainerConfig Prepare(ContainerConfig config, ContainerRecord record, string folder)
    {
        MountedFolders.Delete(folder);
        Directory.CreateDirectory(folder);
        record.CreateFiles();
        if (config.Security.SeccompProfile is { } profile) File.WriteAllText(SeccompFile(folder), profile);
        var mounts = config.Mounts.Add(record.MessageMount(config));
        if (config.Image.IsBuiltIn) mounts = mounts.InsertRange(0, NodeRoot.Mount(config, folder));
        return config with { Mounts = mounts };
    }

    private static string SeccompFile(string folder) => $"{folder}/seccomp.json";

    private ContainerPlaces PlacesOf(ContainerConfig config, string image, string folder)
    {
        var sandbox = config.Sandbox;
        var labels = Labels(sandbox.Namespace, sandbox.Name, sandbox.PodUid);
        labels["io.kubernetes.container.name"] = config.Name;
        return new(
            image,
            // Its files are mounted into it, where the runtime does not look for names.
            config.Image.IsBuiltIn ? ContainerUser.Find(new LayerRoot("/"), config.Security) : null,
            config.Security.SeccompProfile is null ? null : SeccompFile(folder),
            LogName(config),
            labels);
    }

    private async Task<string> SandboxIdAsync(string podUid, CancellationToken cancel) =>
        (await client.ListSandboxesAsync(OfPod(podUid), cancel)).Where(sandbox => sandbox.Ready).MaxBy(sandbox => sandbox.Attempt)?.Id
        ?? throw new RuntimeException("the pod's sandbox is not running");

    private static void Write(ContainerRecord record, string folder) => RecordFile.Write($"{folder}/container.json", record, RecordJson.Default.ContainerRecord);

    private ContainerState FailStart(ContainerRecord record, string folder, string why)
    {
        var now = time.GetUtcNow();
        record = record with { StartFailure = why, StartedAt = now };
        try
        {
            MountTable.UnmountUnder(folder);
            Write(record, folder);
        }
        catch (Exception e) when (e is LinuxException or IOException)
        {
            RuntimeLog.LeftBehind(log, record.Id, e.Message);
        }
        var failed = record.Ended(ContainerRecord.StartFailureCode, now, false);
        _pods.Put(failed);
        return failed;
    }
}
