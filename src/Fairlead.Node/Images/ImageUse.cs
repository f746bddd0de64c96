using System.Collections.Immutable;
using Fairlead.Node.Runtime;

namespace Fairlead.Node.Images;

/// <summary>What containers of the nodes on this machine stand on, by the records that agents keep of them.</summary>
/// <param name="Container">Its name.</param>
/// <param name="Pod">UID of its pod.</param>
/// <param name="ImageId">As in the container's status.</param>
/// <param name="Layers">Folders, the topmost first; other images may have the same.</param>
public sealed record ImageUse(string Container, string Pod, string ImageId, ImmutableArray<string> Layers)
{
    /// <param name="imageRoot">The cluster's folder of images; its nodes' folders are beside it.</param>
    /// <param name="podFolder">A node's folder of pods that may lie elsewhere.</param>
    public static IReadOnlyList<ImageUse> Read(string imageRoot, string? podFolder = null)
    {
        var nodes = $"{Path.GetDirectoryName(imageRoot)}/nodes";
        var folders = Folders(nodes).Select(node => $"{node}/pods").Append(podFolder).OfType<string>().Distinct();
        return
        [
            .. folders.SelectMany(Folders).SelectMany(pod => Folders($"{pod}/containers"))
                .Select(container => RecordFile.Read($"{container}/container.json", RecordJson.Default.ContainerRecord)).OfType<ContainerRecord>()
                .Select(record => new ImageUse(record.Name, record.PodUid, record.ImageId, [.. record.Layers])),
        ];
    }

    private static string[] Folders(string folder)
    {
        try
        {
            return Directory.GetDirectories(folder);
        }
        catch (DirectoryNotFoundException)
        {
            // A pod that has just gone.
            return [];
        }
    }
}
