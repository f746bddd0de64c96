using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Pods.Static;

/// <summary>
/// The files of a folder, each a pod, as kubelet's <c>--pod-manifest-path</c> reads them: all but those whose name begins with a dot. They are
/// read again when the kernel tells of a change, and every 20 s.
/// </summary>
internal sealed class StaticPodFolder(string folder, string node, ILogger log, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan ReadEvery = TimeSpan.FromSeconds(20);
    private readonly Dictionary<string, (string Text, V1Pod? Pod)> _known = [];
    private readonly SemaphoreSlim _changed = new(0);

    /// <summary>The pods that there are now. A file that cannot be read as one is told of once; what it held before goes on.</summary>
    public IReadOnlyList<V1Pod> Read()
    {
        var paths = Files();
        foreach (var gone in _known.Keys.Except(paths).ToList()) _known.Remove(gone);
        foreach (var path in paths) Read(path);
        return [.. _known.Values.Select(known => known.Pod).OfType<V1Pod>()];
    }

    /// <summary>Calls whenever it is time to read again, until cancelled.</summary>
    public async Task RunAsync(Action read, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder);
        using var watcher = new FileSystemWatcher(folder);
        watcher.Changed += Tell;
        watcher.Created += Tell;
        watcher.Deleted += Tell;
        watcher.Renamed += Tell;
        watcher.EnableRaisingEvents = true;
        while (!cancel.IsCancellationRequested)
        {
            read();
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            await Task.WhenAny(_changed.WaitAsync(pause.Token), Task.Delay(ReadEvery, time, pause.Token));
            await pause.CancelAsync();
        }
    }

    public void Dispose() => _changed.Dispose();

    private void Tell(object sender, FileSystemEventArgs change) => _changed.Release();

    private List<string> Files()
    {
        try
        {
            return [.. Directory.EnumerateFiles(folder).Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal)];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private void Read(string path)
    {
        try
        {
            var text = File.ReadAllText(path);
            var before = _known.GetValueOrDefault(path);
            if (before.Text == text) return;
            var (pod, failure) = StaticPodFile.Parse(text, path, node, time.GetUtcNow());
            if (failure is not null) StaticPodLog.NotRead(log, path, failure);
            _known[path] = (text, pod ?? before.Pod);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            StaticPodLog.NotRead(log, path, e.Message);
        }
    }
}

internal static partial class StaticPodLog
{
    [LoggerMessage(2701, LogLevel.Warning, "static pod {Path}: {Message}")]
    public static partial void NotRead(ILogger log, string path, string message);

    [LoggerMessage(2702, LogLevel.Warning, "mirror of static pod {Pod}: {Message}")]
    public static partial void NotMirrored(ILogger log, string pod, string message);
}
