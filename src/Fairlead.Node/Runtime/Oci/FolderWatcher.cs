namespace Fairlead.Node.Runtime.Oci;

/// <summary>
/// Tells at once of files that appear in a folder: conmon's exit files, the runtime's pid files. Both are renamed into place
/// from a name with a dot, so what is told of is whole. If the kernel dropped events, everything in the folder is told again.
/// </summary>
internal sealed class FolderWatcher : IDisposable
{
    private readonly string _folder;
    private readonly Action<string> _appeared;
    private readonly FileSystemWatcher _watcher;

    public FolderWatcher(string folder, Action<string> appeared)
    {
        _folder = folder;
        _appeared = appeared;
        _watcher = new FileSystemWatcher(folder) { NotifyFilter = NotifyFilters.FileName };
        _watcher.Created += (_, change) => Tell(change.Name);
        _watcher.Renamed += (_, change) => Tell(change.Name);
        _watcher.Error += (_, _) => TellAll();
        _watcher.EnableRaisingEvents = true;
    }

    public void TellAll()
    {
        foreach (var file in Directory.EnumerateFiles(_folder)) Tell(Path.GetFileName(file));
    }

    public void Dispose() => _watcher.Dispose();

    private void Tell(string? name)
    {
        if (name is not null && !name.Contains('.')) _appeared(name);
    }
}
