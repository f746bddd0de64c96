using System.Globalization;
using Fairlead.Linux.Files;

namespace Fairlead.Node.Volumes;

/// <summary>A file of a volume.</summary>
/// <param name="Mode">Permission bits.</param>
/// <param name="User">Whose it is; null: the node's.</param>
internal sealed record VolumeFile(string Path, byte[] Content, int Mode, uint? User = null);

/// <summary>
/// Writes the files of a volume so that readers see all of the old or all of the new: they lie in a folder of their own time,
/// <c>..data</c> points to it, and what is visible points through that (the layout that clients of ConfigMap volumes watch).
/// </summary>
internal static class VolumeFiles
{
    public const UnixFileMode Everyone = (UnixFileMode)0b111_111_111;
    private const string Data = "..data";

    public static void Write(string folder, IReadOnlyList<VolumeFile> files, VolumeOwner owner = default)
    {
        Directory.CreateDirectory(folder);
        if (IsSame($"{folder}/{Data}", files)) return;
        var old = new DirectoryInfo($"{folder}/{Data}").LinkTarget;
        var fresh = $"..{Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture)}";
        foreach (var file in files)
        {
            var path = $"{folder}/{fresh}/{file.Path}";
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, file.Content);
            File.SetUnixFileMode(path, (UnixFileMode)file.Mode);
            if (file.User is { } user) VolumeOwner.Give(path, user);
        }
        Directory.CreateDirectory($"{folder}/{fresh}");
        owner.Take($"{folder}/{fresh}", isReadOnly: true);
        SymbolicLink.Replace($"{folder}/{Data}", fresh);
        foreach (var name in files.Select(file => file.Path.Split('/')[0]).Distinct())
        {
            if (new FileInfo($"{folder}/{name}").LinkTarget is null) File.CreateSymbolicLink($"{folder}/{name}", $"{Data}/{name}");
        }
        foreach (var entry in Directory.EnumerateFileSystemEntries(folder))
        {
            // Links to what is no more.
            var name = Path.GetFileName(entry);
            if (!name.StartsWith("..", StringComparison.Ordinal) && !Path.Exists($"{folder}/{Data}/{name}")) File.Delete(entry);
        }
        if (old is not null) Directory.Delete($"{folder}/{old}", recursive: true);
    }

    private static bool IsSame(string data, IReadOnlyList<VolumeFile> files) =>
        Directory.Exists(data)
        && Directory.EnumerateFiles(data + "/", "*", SearchOption.AllDirectories).Count() == files.Count
        && files.All(file => File.Exists($"{data}/{file.Path}") && File.ReadAllBytes($"{data}/{file.Path}").AsSpan().SequenceEqual(file.Content));
}
