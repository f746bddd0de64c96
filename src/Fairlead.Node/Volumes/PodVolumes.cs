using System.Collections.Immutable;
using Fairlead.Linux;
using Fairlead.Linux.Mounts;
using Fairlead.Node.Api;
using Fairlead.Node.Environment;
using k8s.Models;

namespace Fairlead.Node.Volumes;

/// <summary>Where each volume of a pod lies on the node, or why one is not there.</summary>
internal readonly record struct VolumesResult(ImmutableDictionary<string, string> Paths, string? Failure);

/// <summary>Makes a pod's volumes below its folder, laid out as kubelet lays them out. Made again, those of objects are brought up to date.</summary>
/// <param name="renewTokens">Replaces the tokens that are there already.</param>
internal sealed class PodVolumes(IPodApi api, V1Pod pod, FieldPaths.Facts facts, string podFolder, bool renewTokens = false)
{
    private const double TokenShare = 0.8;

    /// <summary>When the pod's tokens are due for new ones, at 80 % of their time as kubelet has it; null: it has none.</summary>
    public static TimeSpan? TokensDueAfter(V1Pod pod)
    {
        var seconds = (pod.Spec.Volumes ?? []).SelectMany(volume => volume.Projected?.Sources ?? [])
            .Select(source => source.ServiceAccountToken is { } token ? token.ExpirationSeconds ?? VolumePayloads.DefaultTokenSeconds : (long?)null).Min();
        return seconds is { } shortest ? TimeSpan.FromSeconds(shortest * TokenShare) : null;
    }

    /// <summary>Whether anything in them comes from the pod's own labels or annotations.</summary>
    public static bool TellOfPod(V1Pod pod) =>
        (pod.Spec.Volumes ?? []).Any(volume => volume.DownwardAPI is not null || volume.Projected?.Sources?.Any(source => source.DownwardAPI is not null) == true);

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
            var (kind, payload) = await new VolumePayloads(api, pod, facts, PresentToken).ReadAsync(volume, cancel);
            if (payload.Failure is not null) return (null, payload.Failure);
            var folder = FolderOf(kind, volume.Name);
            VolumeFiles.Write(folder, payload.Files, VolumeOwner.Of(pod));
            return (folder, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            return (null, e.Message);
        }
    }

    private byte[]? PresentToken(V1Volume volume, string path)
    {
        var file = $"{FolderOf("projected", volume.Name)}/{path}";
        return !renewTokens && File.Exists(file) ? File.ReadAllBytes(file) : null;
    }

    private string FolderOf(string kind, string name) => $"{podFolder}/volumes/kubernetes.io~{kind}/{name}";

    private string MakeEmpty(string name, V1EmptyDirVolumeSource empty)
    {
        var folder = FolderOf("empty-dir", name);
        var isInMemory = empty.Medium == "Memory";
        // A restart of the machine leaves the folder, and takes what was mounted there.
        if (Directory.Exists(folder) && (!isInMemory || MountTable.Under(folder).Any(mount => mount.Target == folder))) return folder;
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, VolumeFiles.Everyone);
        if (isInMemory) Mount.Tmpfs(folder, (long?)empty.SizeLimit?.ToDecimal(), "1777");
        VolumeOwner.Of(pod).Take(folder, isReadOnly: false);
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
