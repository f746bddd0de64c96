using System.Security.Cryptography;
using System.Text;
using Fairlead.Terminal;

namespace Fairlead.Install;

/// <summary>
/// The unit files below a root, and the list of what was written for them, so that exactly that is taken away again: files,
/// links of those that are enabled, and folders that were not there before.
/// </summary>
internal sealed class InstalledUnits(string root)
{
    private const string Units = "/etc/systemd/system", ListFile = "/etc/fairlead/installed";
    private const string File = "file", Link = "link", Folder = "folder";

    /// <summary>A line of the list: <c>file PATH SHA256</c>, <c>link PATH TARGET</c> or <c>folder PATH -</c>. Paths are below the root.</summary>
    private sealed record Entry(string Kind, string Path, string Value);

    private readonly List<Entry> _entries = Read(root + ListFile);

    /// <summary>Names of the units that are there by this program.</summary>
    public IReadOnlyList<string> Names => [.. _entries.Where(entry => entry.Kind == File).Select(entry => Path.GetFileName(entry.Path))];

    /// <summary>Writes a unit, or writes it anew; answers the file.</summary>
    /// <exception cref="UserException">A file of that name is somebody else's, or was changed.</exception>
    public string Write(ServiceUnit unit, bool isEnabled)
    {
        var path = $"{Units}/{unit.Name}";
        if (System.IO.File.Exists(root + path)) Check(path, "remove it first, or write another name");
        MakeFolder(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(root + path, unit.Text);
        if (unit.HasToken) System.IO.File.SetUnixFileMode(root + path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Note(new Entry(File, path, Hash(unit.Text)));
        var link = $"{Units}/{ServiceUnit.Target}.wants/{unit.Name}";
        if (isEnabled && !Path.Exists(root + link))
        {
            MakeFolder(Path.GetDirectoryName(link)!);
            System.IO.File.CreateSymbolicLink(root + link, path);
            Note(new Entry(Link, link, path));
        }
        Save();
        return root + path;
    }

    /// <summary>Takes a unit away, and the folders that nobody needs any more of those that were made for it.</summary>
    /// <exception cref="UserException">It was changed since.</exception>
    public IReadOnlyList<string> Remove(string name)
    {
        var own = _entries.Where(entry => entry.Kind != Folder && Path.GetFileName(entry.Path) == name).ToList();
        foreach (var file in own.Where(entry => entry.Kind == File && System.IO.File.Exists(root + entry.Path))) Check(file.Path, "remove it yourself if it is not needed any more");
        foreach (var entry in own)
        {
            System.IO.File.Delete(root + entry.Path);
            _entries.Remove(entry);
        }
        Save();
        return [.. own.Select(entry => root + entry.Path)];
    }

    /// <summary>Only what is as it was written may be replaced or removed.</summary>
    private void Check(string path, string advice)
    {
        if (_entries.FirstOrDefault(entry => entry.Kind == File && entry.Path == path) is not { } known) throw new UserException($"{root}{path} is not of `fairlead install`; {advice}");
        if (Hash(System.IO.File.ReadAllText(root + path)) != known.Value) throw new UserException($"{root}{path} was changed since `fairlead install` wrote it; {advice}");
    }

    private void MakeFolder(string path)
    {
        if (path == "/" || Directory.Exists(root + path)) return;
        MakeFolder(Path.GetDirectoryName(path)!);
        Directory.CreateDirectory(root + path);
        _entries.Add(new Entry(Folder, path, "-"));
    }

    private void Note(Entry entry)
    {
        _entries.RemoveAll(known => known.Kind == entry.Kind && known.Path == entry.Path);
        _entries.Add(entry);
    }

    /// <summary>Writes the list; the last unit takes the list and the folders with it.</summary>
    private void Save()
    {
        if (_entries.Any(entry => entry.Kind == File))
        {
            MakeFolder(Path.GetDirectoryName(ListFile)!);
            System.IO.File.WriteAllLines(root + ListFile, _entries.Select(entry => $"{entry.Kind} {entry.Path} {entry.Value}"));
            RemoveEmpty(ListFile);
            return;
        }
        System.IO.File.Delete(root + ListFile);
        RemoveEmpty("");
    }

    /// <summary>Of the folders that were made, those without anything in them, deepest first.</summary>
    private void RemoveEmpty(string except)
    {
        foreach (var folder in _entries.Where(entry => entry.Kind == Folder).OrderByDescending(entry => entry.Path.Length).ToList())
        {
            if (except.StartsWith(folder.Path + "/", StringComparison.Ordinal)) continue;
            if (Directory.Exists(root + folder.Path) && Directory.EnumerateFileSystemEntries(root + folder.Path).Any()) continue;
            if (Directory.Exists(root + folder.Path)) Directory.Delete(root + folder.Path);
            _entries.Remove(folder);
        }
    }

    private static List<Entry> Read(string file) => !System.IO.File.Exists(file) ? []
        : [.. System.IO.File.ReadAllLines(file).Select(line => line.Split(' ')).Select(words => words is [var kind, var path, var value] ? new Entry(kind, path, value)
            : throw new UserException($"{file} is not a list that `fairlead install` wrote; remove it, and the units that it lists, yourself"))];

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
