using System.Formats.Tar;
using System.Text.Json.Nodes;
using Fairlead.Node.Runtime.Cri;

namespace Fairlead.Node.Runtime.Containerd;

/// <summary>The images that no registry has: the node's own, which is folders to mount over, and that of sandboxes.</summary>
internal static class BuiltInImages
{
    public const string SandboxName = "docker.io/fairlead/pause:1";
    private const UnixFileMode Everybody = (UnixFileMode)0b111_101_101;
    private const UnixFileMode Temporary = (UnixFileMode)0b001_111_111_111;

    public static ImageArchive Sandbox()
    {
        var program = new PaxTarEntry(TarEntryType.RegularFile, "pause")
        {
            Mode = Everybody,
            ModificationTime = DateTimeOffset.UnixEpoch,
            DataStream = new MemoryStream(PauseProgram.Build(), writable: false),
        };
        return ImageArchive.Make(SandboxName, new JsonObject { ["Entrypoint"] = new JsonArray("/pause") }, [program]);
    }

    /// <summary>Folders and links as they are at the top of the node's file system now.</summary>
    public static ImageArchive Node(Image image)
    {
        var links = new DirectoryInfo("/").EnumerateFileSystemInfos().Where(entry => entry.LinkTarget is not null)
            .Select(entry => (TarEntry)new PaxTarEntry(TarEntryType.SymbolicLink, entry.Name) { LinkName = entry.LinkTarget!, ModificationTime = DateTimeOffset.UnixEpoch });
        var folders = NodeRoot.Folders(image).Concat(image.Hidden.Where(hidden => hidden.LastIndexOf('/') == 0)).Concat(["/proc", "/sys", "/dev"])
            .Select(folder => (TarEntry)new PaxTarEntry(TarEntryType.Directory, folder[1..] + "/") { Mode = folder == "/tmp" ? Temporary : Everybody, ModificationTime = DateTimeOffset.UnixEpoch });
        var run = new JsonObject
        {
            ["Cmd"] = new JsonArray([.. image.Command.Select(word => (JsonNode)word)]),
            ["Env"] = new JsonArray([.. image.Variables.Select(variable => (JsonNode)$"{variable.Key}={variable.Value}")]),
        };
        return ImageArchive.Make(image.Id, run, links.Concat(folders).OrderBy(entry => entry.Name, StringComparer.Ordinal));
    }
}
