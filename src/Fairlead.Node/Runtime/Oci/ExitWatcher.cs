namespace Fairlead.Node.Runtime.Oci;

/// <summary>
/// Tells at once when conmon has written a container's exit file: conmon renames a finished file into the folder, so what
/// appears there is whole. If the kernel dropped events, everything in the folder is told again.
/// </summary>
internal sealed class ExitWatcher : IDisposable
{
    private readonly string _folder;
    private readonly Action<string> _exited;
    private readonly FileSystemWatcher _watcher;

    public ExitWatcher(string folder, Action<string> exited)
    {
        _folder = folder;
        _exited = exited;
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

    /// <summary>Drafts have a suffix; container ids have none.</summary>
    private void Tell(string? name)
    {
        if (name is not null && !name.Contains('.')) _exited(name);
    }
}
