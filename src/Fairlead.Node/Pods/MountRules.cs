using System.Collections.Immutable;
using Fairlead.Node.Environment;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>A container's volume mounts as bind mounts (Kubernetes documentation: "Volumes", subPath and mount propagation).</summary>
internal static class MountRules
{
    public static (ImmutableArray<ContainerMount> Mounts, string? Failure) Of(
        V1Container container, ImmutableDictionary<string, string> volumes, IReadOnlyDictionary<string, string> variables)
    {
        var mounts = ImmutableArray.CreateBuilder<ContainerMount>();
        foreach (var mount in container.VolumeMounts ?? [])
        {
            if (!volumes.TryGetValue(mount.Name, out var source)) return ([], $"cannot find volume \"{mount.Name}\" to mount into container \"{container.Name}\"");
            var below = mount.SubPathExpr is { Length: > 0 } expression ? Expansion.Expand(expression, variables) : mount.SubPath;
            if (!string.IsNullOrEmpty(below))
            {
                if (below.StartsWith('/') || below.Split('/').Contains("..")) return ([], $"subPath \"{below}\" must be a relative path without \"..\"");
                var volume = source;
                source = $"{source}/{below}";
                if (!Path.Exists(source)) MakeFolder(volume, below);
                // The runtime must see the file itself: what it points through changes with the volume.
                source = Resolve(source);
            }
            mounts.Add(new ContainerMount(source, mount.MountPath, mount.ReadOnlyProperty == true, Propagation(mount.MountPropagation)));
        }
        return (mounts.ToImmutable(), null);
    }

    /// <summary>Folders below a volume may be used by whoever may use the volume: they have its mode.</summary>
    private static void MakeFolder(string volume, string below)
    {
        var mode = File.GetUnixFileMode(volume);
        var path = volume;
        foreach (var step in below.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            path = $"{path}/{step}";
            if (Path.Exists(path)) continue;
            Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, mode);
        }
    }

    private static string Resolve(string path) => new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;

    private static string Propagation(string? kind) => kind switch
    {
        "HostToContainer" => "rslave",
        "Bidirectional" => "rshared",
        _ => "rprivate",
    };
}
