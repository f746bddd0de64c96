using System.Collections.Immutable;
using Fairlead.Linux;
using Fairlead.Linux.Mounts;
using Fairlead.Node.Api;
using Fairlead.Node.Environment;
using k8s.Models;

namespace Fairlead.Node.Volumes;

/// <summary>Where each volume of a pod lies on the node, or why one is not there.</summary>
internal readonly record struct VolumesResult(ImmutableDictionary<string, string> Paths, string? Failure);

/// <summary>Makes a pod's volumes below its folder, laid out as kubelet lays them out.</summary>
internal sealed class PodVolumes(IPodApi api, V1Pod pod, FieldPaths.Facts facts, string podFolder)
{
    public async Task<VolumesResult> MountAsync(CancellationToken cancel)
    {
        var paths = ImmutableDictionary.CreateBuilder<string, string>();
        foreach (var volume in pod.Spec.Volumes ?? [])
        {
            var (path, failure) = await MountAsync(volume, cancel);
            if (path is null) return new(paths.ToImmutable(), $"MountVolume.SetUp failed for volume \"{volume.Name}\" : {failure}");
            paths[volume.Name] = path;
        }
        return new(paths.ToImmutable(), null);
    }

    private async Task<(string? Path, string? Failure)> MountAsync(V1Volume volume, CancellationToken cancel)
    {
        try
        {
            if (volume.HostPath is { } host) return HostPaths.Prepare(host);
            if (volume.EmptyDir is { } empty) return (MakeEmpty(volume.Name, empty), null);
            var (kind, payload) = await new VolumePayloads(api, pod, facts).ReadAsync(volume, cancel);
            if (payload.Failure is not null) return (null, payload.Failure);
            var folder = FolderOf(kind, volume.Name);
            VolumeFiles.Write(folder, payload.Files);
            return (folder, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            return (null, e.Message);
        }
    }

    private string FolderOf(string kind, string name) => $"{podFolder}/volumes/kubernetes.io~{kind}/{name}";

    private string MakeEmpty(string name, V1EmptyDirVolumeSource empty)
    {
        var folder = FolderOf("empty-dir", name);
        if (Directory.Exists(folder)) return folder;
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, VolumeFiles.Everyone);
        if (empty.Medium == "Memory") Mount.Tmpfs(folder, (long?)empty.SizeLimit?.ToDecimal(), "777");
        return folder;
    }
}

/// <summary>Files and folders of the node itself (Kubernetes documentation: "Volumes", hostPath).</summary>
internal static class HostPaths
{
    public static (string? Path, string? Failure) Prepare(V1HostPathVolumeSource host)
    {
        var path = host.Path;
        switch (host.Type)
        {
            case "DirectoryOrCreate":
                Directory.CreateDirectory(path);
                break;
            case "FileOrCreate":
                if (!File.Exists(path)) File.WriteAllBytes(path, []);
                break;
            case "Directory" when !Directory.Exists(path):
                return (null, $"hostPath type check failed: {path} is not a directory");
            case "File" or "Socket" or "CharDevice" or "BlockDevice" when !File.Exists(path):
                return (null, $"hostPath type check failed: {path} is not a file");
            case null or "" when !Path.Exists(path):
                // Without a type nothing is checked; the container runtime makes a folder.
                Directory.CreateDirectory(path);
                break;
            default:
                break;
        }
        return (path, null);
    }
}
