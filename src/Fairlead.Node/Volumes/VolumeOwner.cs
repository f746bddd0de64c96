using Fairlead.Linux.Files;
using k8s.Models;

namespace Fairlead.Node.Volumes;

/// <summary>Whose a pod's volumes are (Kubernetes documentation: "Configure a Security Context for a Pod or Container", fsGroup).</summary>
/// <param name="Group">Its fsGroup; null: they stay the node's.</param>
/// <param name="User">The one user as whom all its containers are told to run, who alone reads its tokens; null: there is no such one.</param>
internal readonly record struct VolumeOwner(uint? Group, uint? User)
{
    private const uint Same = uint.MaxValue;
    private const uint SetGroup = 0b010_000_000_000;
    private const uint Read = 0b100_100_000;
    private const uint ReadAndWrite = 0b110_110_000;
    private const uint Enter = 0b001_001_000;
    private const int OwnerOnly = 0b110_000_000;

    public static VolumeOwner Of(V1Pod pod)
    {
        var ofPod = pod.Spec.SecurityContext;
        var users = pod.Spec.Containers.Concat(pod.Spec.InitContainers ?? []).Select(container => container.SecurityContext?.RunAsUser ?? ofPod?.RunAsUser).Distinct().ToList();
        return new((uint?)ofPod?.FsGroup, users.Count == 1 ? (uint?)users[0] : null);
    }

    /// <summary>A token is everybody's to read only where nobody is named.</summary>
    public int TokenMode(int mode) => Group is null && User is null ? mode : OwnerOnly;

    /// <summary>Gives a file to the user.</summary>
    public static void Give(string path, uint user) => FileNode.SetOwner(path, user, Same);

    /// <summary>Gives a folder and all in it to the group, to read and, unless the volume's files are made from objects, to write.</summary>
    public void Take(string folder, bool isReadOnly)
    {
        if (Group is not { } group) return;
        Take(new DirectoryInfo(folder), group, isReadOnly ? Read : ReadAndWrite);
    }

    private static void Take(FileSystemInfo entry, uint group, uint bits)
    {
        FileNode.SetOwner(entry.FullName, Same, group);
        if (entry.LinkTarget is not null) return;
        if (entry is not DirectoryInfo folder)
        {
            FileNode.SetMode(entry.FullName, (uint)entry.UnixFileMode | bits);
            return;
        }
        FileNode.SetMode(entry.FullName, (uint)entry.UnixFileMode | bits | SetGroup | Enter);
        foreach (var inside in folder.EnumerateFileSystemInfos()) Take(inside, group, bits);
    }
}
