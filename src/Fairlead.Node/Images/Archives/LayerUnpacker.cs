using Fairlead.Linux;
using Fairlead.Linux.Files;

namespace Fairlead.Node.Images.Archives;

/// <summary>
/// Unpacks a layer into a folder of its own, in the form that overlayfs takes for a lower folder: what the layer removes from those
/// beneath it (OCI image specification, layer.md, "Whiteouts") becomes a device 0:0, a folder that hides what is beneath gets
/// <c>trusted.overlay.opaque</c> (kernel documentation, overlayfs.rst).
/// </summary>
internal sealed class LayerUnpacker(string folder)
{
    private const string Whiteout = ".wh.";
    private const string Opaque = ".wh..wh..opq";
    private const string OpaqueAttribute = "trusted.overlay.opaque";
    private readonly LayerRoot _root = new(folder);
    private readonly HashSet<string> _removed = [];

    /// <summary>Folders get their times last: what is put in them changes them.</summary>
    private readonly List<(string Place, DateTimeOffset Time)> _folderTimes = [];

    /// <exception cref="InvalidDataException">The archive is broken or would write outside the folder.</exception>
    /// <exception cref="IOException">The file system refused.</exception>
    public void Unpack(Stream tar, CancellationToken cancel)
    {
        var archive = new TarStream(tar);
        while (archive.Next() is { } entry)
        {
            cancel.ThrowIfCancellationRequested();
            Add(entry, archive);
        }
        for (var i = _folderTimes.Count - 1; i >= 0; i--)
        {
            if (Directory.Exists(_folderTimes[i].Place)) FileNode.SetTime(_folderTimes[i].Place, _folderTimes[i].Time);
        }
    }

    private void Add(TarEntry entry, TarStream archive)
    {
        var parts = LayerRoot.Parts(entry.Path);
        if (parts.Length > 0 && parts[^1].StartsWith(Whiteout, StringComparison.Ordinal))
        {
            Remove(parts);
            return;
        }
        var place = _root.Place(parts, makeFolders: true);
        var hides = _removed.Remove(place);
        if (parts.Length > 0) ClearWay(place, entry.Kind, hides);
        Make(place, entry, archive);
        if (entry.Kind == TarKind.HardLink) return;
        FileNode.SetOwner(place, entry.User, entry.Group);
        if (entry.Kind != TarKind.SymbolicLink) FileNode.SetMode(place, entry.Mode);
        foreach (var (name, value) in entry.Attributes) SetAttribute(place, name, value);
        if (entry.Kind == TarKind.Folder)
        {
            if (hides) Hide(place);
            _folderTimes.Add((place, entry.Time));
        }
        else
        {
            FileNode.SetTime(place, entry.Time);
        }
    }

    /// <summary>A later entry of a path replaces an earlier one; a folder stays a folder with what is in it.</summary>
    private static void ClearWay(string place, TarKind kind, bool isWhiteout)
    {
        if (isWhiteout) File.Delete(place);
        else if (new FileInfo(place).LinkTarget is not null) File.Delete(place);
        else if (Directory.Exists(place))
        {
            if (kind != TarKind.Folder) Directory.Delete(place, recursive: true);
        }
        else File.Delete(place);
    }

    private void Make(string place, TarEntry entry, TarStream archive)
    {
        switch (entry.Kind)
        {
            case TarKind.Folder:
                Directory.CreateDirectory(place);
                break;
            case TarKind.File:
                using (var file = new FileStream(place, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1)) archive.CopyContent(file);
                break;
            case TarKind.SymbolicLink:
                File.CreateSymbolicLink(place, entry.Target);
                break;
            case TarKind.HardLink:
                FileNode.Link(_root.Place(LayerRoot.Parts(entry.Target), makeFolders: false), place);
                break;
            case TarKind.Fifo:
                FileNode.Make(place, NodeKind.Fifo, entry.Mode);
                break;
            default:
                // A device 0:0 would be a whiteout.
                if (entry is { Kind: TarKind.CharacterDevice, Major: 0, Minor: 0 }) throw new InvalidDataException($"the layer has a device 0:0 at {entry.Path}");
                var kind = entry.Kind == TarKind.CharacterDevice ? NodeKind.CharacterDevice : NodeKind.BlockDevice;
                FileNode.Make(place, kind, entry.Mode, entry.Major, entry.Minor);
                break;
        }
    }

    private void Remove(string[] parts)
    {
        var name = parts[^1];
        if (name == Opaque)
        {
            var hiding = _root.Place([.. parts[..^1], "x"], makeFolders: true)[..^2];
            Hide(hiding);
            return;
        }
        // aufs kept its own records under such names.
        if (name.StartsWith(".wh..wh.", StringComparison.Ordinal) || name.Length == Whiteout.Length) return;
        if (name[Whiteout.Length..] is "." or "..") throw new InvalidDataException("the layer removes a folder by a dot");
        var place = _root.Place([.. parts[..^1], name[Whiteout.Length..]], makeFolders: true);
        if (new FileInfo(place).LinkTarget is null && Directory.Exists(place)) Hide(place);
        else if (!System.IO.Path.Exists(place) && new FileInfo(place).LinkTarget is null)
        {
            FileNode.Make(place, NodeKind.CharacterDevice, 0);
            _removed.Add(place);
        }
    }

    private static void Hide(string place) => FileNode.SetAttribute(place, OpaqueAttribute, "y"u8);

    private static void SetAttribute(string place, string name, byte[] value)
    {
        // overlayfs' own attributes would let a layer show what is not in it.
        if (name.StartsWith("trusted.", StringComparison.Ordinal)) return;
        try
        {
            FileNode.SetAttribute(place, name, value);
        }
        catch (LinuxException e) when (e.Errno is Errno.NotSupported or Errno.NotPermitted && !name.StartsWith("security.capability", StringComparison.Ordinal))
        {
            // A label of a security module that this kernel does not have.
        }
    }
}
