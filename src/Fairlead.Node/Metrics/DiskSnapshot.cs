using System.Collections.Immutable;
using Fairlead.Linux.Files;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Metrics;

/// <summary>What a pod takes up on the node's disk.</summary>
/// <param name="Containers">By container id: what it wrote beside its volumes, and its logs.</param>
internal sealed record PodDisk(ImmutableDictionary<string, (DiskUse Root, DiskUse Logs)> Containers, IReadOnlyList<VolumeDisk> Volumes)
{
    /// <summary>All of it that goes with the pod; a volume in memory takes up none.</summary>
    public DiskUse Total => Containers.Values.Aggregate(default(DiskUse), (sum, one) => sum + one.Root + one.Logs)
        + Volumes.Where(volume => !volume.InMemory).Aggregate(default(DiskUse), (sum, volume) => sum + volume.Use);
}

internal sealed record VolumeDisk(string Name, DiskUse Use, FileSystemFacts FileSystem, bool InMemory);

/// <summary>Counts files, when somebody asks and never else.</summary>
internal sealed class DiskSnapshots(NodePaths paths, IContainerRuntime runtime)
{
    /// <param name="pod">The pod, for the kinds of its volumes.</param>
    public async Task<PodDisk> TakeAsync(PodSnapshot pod, CancellationToken cancel)
    {
        var uid = pod.Pod.Metadata.Uid;
        var roots = await runtime.ReadDiskUseAsync(uid, cancel);
        var logs = paths.PodLogs(pod.Namespace, pod.Name, uid);
        var containers = pod.Usage.Containers.ToImmutableDictionary(
            one => one.Container.Id, one => (roots.GetValueOrDefault(one.Container.Id), DiskUse.Of($"{logs}/{one.Container.Name}")));
        return new PodDisk(containers, [.. Volumes(pod.Pod)]);
    }

    /// <summary>The file system that images, containers and volumes are in.</summary>
    public FileSystemFacts FileSystem => FileSystemFacts.Of(paths.Root);

    public DiskUse Images => DiskUse.Of(paths.Images);

    /// <summary>Those that the node made; what a hostPath shows is not the pod's.</summary>
    private IEnumerable<VolumeDisk> Volumes(V1Pod pod)
    {
        var folder = $"{paths.Pod(pod.Metadata.Uid)}/volumes";
        if (!Directory.Exists(folder)) yield break;
        foreach (var place in Directory.EnumerateDirectories(folder).SelectMany(Directory.EnumerateDirectories).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(place);
            var volume = pod.Spec.Volumes?.FirstOrDefault(one => one.Name == name);
            if (volume is not null) yield return new(name, DiskUse.Of(place), FileSystemFacts.Of(place), volume.EmptyDir?.Medium == "Memory");
        }
    }
}
