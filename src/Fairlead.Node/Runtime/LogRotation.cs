using System.Globalization;
using System.IO.Compression;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime;

/// <summary>
/// Keeps containers' logs small: a log that has grown too large is renamed, older ones are packed, the oldest removed (Kubernetes
/// documentation: "Logging Architecture", "Log rotation"; kubelet's containerLogMaxSize and containerLogMaxFiles).
/// </summary>
internal sealed class LogRotation(IContainerRuntime runtime, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    public long MaxBytes { get; init; } = 10 << 20;

    /// <summary>The one that is written to among them.</summary>
    public int MaxFiles { get; init; } = 5;

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.Delay(Interval, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!cancel.IsCancellationRequested) await RotateAllAsync(cancel);
        }
    }

    /// <summary>Looks at all running containers once.</summary>
    public async Task RotateAllAsync(CancellationToken cancel)
    {
        foreach (var container in runtime.PodUids.SelectMany(uid => runtime.Observe(uid).Containers).Where(container => container.Phase == ContainerPhase.Running))
        {
            try
            {
                if (new FileInfo(container.LogPath) is { Exists: true } file && file.Length >= MaxBytes) await RotateAsync(container, cancel);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                RotationLog.Failed(log, container.LogPath, e.Message);
            }
        }
    }

    /// <summary>The rotated files of a log, the oldest first.</summary>
    public static IReadOnlyList<string> Rotated(string logPath) => Directory.Exists(Path.GetDirectoryName(logPath))
        // By the start of the name: ".*" as a pattern also matches what has no more to its name.
        ? [.. Directory.EnumerateFiles(Path.GetDirectoryName(logPath)!).Where(path => path.StartsWith(logPath + ".", StringComparison.Ordinal)).Order(StringComparer.Ordinal)]
        : [];

    private async Task RotateAsync(ContainerState container, CancellationToken cancel)
    {
        var older = Rotated(container.LogPath).Where(path => !path.EndsWith(".tmp", StringComparison.Ordinal)).ToList();
        // With the one that is renamed now and the new one.
        foreach (var path in older.Take(Math.Max(0, older.Count - (MaxFiles - 2)))) File.Delete(path);
        foreach (var path in older.Skip(Math.Max(0, older.Count - (MaxFiles - 2))).Where(path => !path.EndsWith(".gz", StringComparison.Ordinal))) await PackAsync(path, cancel);
        var renamed = $"{container.LogPath}.{time.GetUtcNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}";
        if (File.Exists(renamed)) return;
        File.Move(container.LogPath, renamed);
        await runtime.ReopenLogAsync(container.PodUid, container.Id, cancel);
    }

    private static async Task PackAsync(string path, CancellationToken cancel)
    {
        await using (var source = File.OpenRead(path))
        await using (var target = File.Create($"{path}.tmp"))
        await using (var gzip = new GZipStream(target, CompressionLevel.Fastest)) await source.CopyToAsync(gzip, cancel);
        File.Move($"{path}.tmp", $"{path}.gz", overwrite: true);
        File.Delete(path);
    }
}

internal static partial class RotationLog
{
    [LoggerMessage(2601, LogLevel.Warning, "log {Path} was not rotated: {Message}")]
    public static partial void Failed(ILogger log, string path, string message);
}
