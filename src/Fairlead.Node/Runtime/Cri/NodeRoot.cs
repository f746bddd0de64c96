using Fairlead.Linux.Mounts;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>
/// The image <c>fairlead/host</c> under a runtime that lays its own images beneath containers: there it is an image of empty folders, over each
/// of which the node's folder of that name is mounted, with a layer of the container's own on top.
/// </summary>
internal static class NodeRoot
{
    /// <summary>What every container gets from its runtime, and what is no file system of the node's to show.</summary>
    private static readonly string[] Kept = ["proc", "sys", "dev", "lost+found"];

    /// <summary>The folders at the top that containers see: their names in the image, and there over them the node's.</summary>
    public static IEnumerable<string> Folders(Image image) => Directory.EnumerateDirectories("/")
        .Where(folder => !File.GetAttributes(folder).HasFlag(FileAttributes.ReparsePoint) && !Kept.Contains(folder[1..]) && !image.Hidden.Contains(folder))
        .Order(StringComparer.Ordinal);

    /// <summary>Lays a layer of the container's own over the node's files; answers the mounts that show them in the container.</summary>
    public static IEnumerable<ContainerMount> Mount(ContainerConfig config, string folder)
    {
        foreach (var part in (string[])["rootfs", "upper", "work"]) Directory.CreateDirectory($"{folder}/{part}");
        Linux.Mounts.Mount.Overlay($"{folder}/rootfs", config.Image.Layers, $"{folder}/upper", $"{folder}/work");
        var readOnly = config.Security.ReadOnlyRoot;
        foreach (var top in Folders(config.Image))
        {
            yield return new($"{folder}/rootfs{top}", top, readOnly);
            // Those that lie deeper are hidden by empty folders over them.
            foreach (var hidden in config.Image.Hidden.Where(hidden => hidden.StartsWith(top + "/", StringComparison.Ordinal)))
            {
                var empty = $"{folder}/empty{hidden.Replace('/', '-')}";
                Directory.CreateDirectory(empty);
                yield return new(empty, hidden, readOnly);
            }
        }
        foreach (var mount in config.Image.Mounts) yield return mount;
    }
}
