namespace Fairlead.Node.Images.Archives;

/// <summary>
/// A folder that counts as the root for all paths inside: a link found on the way is followed as a process with this root would,
/// never out of it. Only we write below it, so what was looked at still is so when it is used.
/// </summary>
internal sealed class LayerRoot(string folder)
{
    private const int MostLinks = 40;

    public string Folder { get; } = folder;

    /// <summary>The parts of an archive's path without the empty ones and dots.</summary>
    /// <exception cref="InvalidDataException">It climbs with "..".</exception>
    public static string[] Parts(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".").ToArray();
        if (parts.Contains("..")) throw new InvalidDataException($"the layer has a path that leads out of it: {path}");
        if (path.Contains('\0', StringComparison.Ordinal)) throw new InvalidDataException("the layer has a path with a zero byte in it");
        return parts;
    }

    /// <summary>The place on this machine of a path, its last part not followed; folders on the way are made where asked for.</summary>
    /// <exception cref="InvalidDataException">Something on the way is no folder, or links lead in circles.</exception>
    public string Place(IReadOnlyList<string> parts, bool makeFolders) =>
        parts.Count == 0 ? Folder : $"{Walk(parts.Take(parts.Count - 1), makeFolders)}/{parts[^1]}";

    /// <summary>The place of a path with its last part followed too; null where nothing is.</summary>
    public string? Find(string path)
    {
        try
        {
            var found = Walk(path.Split('/', StringSplitOptions.RemoveEmptyEntries), makeFolders: false);
            return System.IO.Path.Exists(found) ? found : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private string Walk(IEnumerable<string> parts, bool makeFolders)
    {
        var ahead = new Stack<string>(parts.Reverse());
        var way = new List<string>();
        var links = 0;
        while (ahead.TryPop(out var part))
        {
            if (part == ".") continue;
            if (part == "..")
            {
                if (way.Count > 0) way.RemoveAt(way.Count - 1);
                continue;
            }
            var place = $"{Join(way)}/{part}";
            var info = new FileInfo(place);
            if (info.LinkTarget is { } target)
            {
                if (++links > MostLinks) throw new InvalidDataException($"links of the layer lead in circles at {part}");
                if (target.StartsWith('/')) way.Clear();
                foreach (var step in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse()) ahead.Push(step);
                continue;
            }
            if (makeFolders && !Directory.Exists(place))
            {
                if (info.Exists) throw new InvalidDataException($"the layer has a path through {part}, which is no folder");
                Directory.CreateDirectory(place);
            }
            way.Add(part);
        }
        return Join(way);
    }

    private string Join(List<string> way) => way.Count == 0 ? Folder : $"{Folder}/{string.Join('/', way)}";
}
