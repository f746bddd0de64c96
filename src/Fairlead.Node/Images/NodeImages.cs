using System.Diagnostics.CodeAnalysis;
using Fairlead.Node.Images.Registry;
using Fairlead.Node.Runtime;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Images;

/// <summary>A node's images: the built-in one, and those of the store that it shares with the other nodes of its cluster.</summary>
internal sealed class NodeImages : IImageStore, IDisposable
{
    private readonly HostImage _host;
    private readonly ImageStore _store;
    private readonly RegistryPull _pull;
    private readonly ILogger _log;
    private readonly FileSystemWatcher _watcher;

    public NodeImages(HostImage host, ImageStore store, RegistryPull pull, ILogger log)
    {
        (_host, _store, _pull, _log) = (host, store, pull, log);
        store.CreateFolders();
        // The index is renamed into place, by whichever process changed it.
        _watcher = new FileSystemWatcher(store.Root, Path.GetFileName(store.IndexPath)) { NotifyFilter = NotifyFilters.FileName };
        _watcher.Renamed += (_, _) => Changed?.Invoke();
        _watcher.Created += (_, _) => Changed?.Invoke();
        _watcher.Error += (_, _) => Changed?.Invoke();
        _watcher.EnableRaisingEvents = true;
    }

    public event Action? Changed;

    public bool TryFind(string name, [NotNullWhen(true)] out Image? image)
    {
        if (_host.TryFind(name, out image)) return true;
        return ImageReference.TryParse(name) is { } reference && _store.TryFind(reference, out image);
    }

    public async Task<ImagePullResult> PullAsync(string name, IReadOnlyCollection<byte[]> dockerConfigs, CancellationToken cancel)
    {
        try
        {
            var reference = ImageReference.TryParse(name) ?? throw new ImageException($"couldn't parse image name \"{name}\": invalid reference format");
            var credentials = dockerConfigs.SelectMany(config => RegistryCredential.ParseDockerConfig(config)).ToList();
            var image = await _pull.RunAsync(reference, credentials, null, cancel);
            return new(null, image.Size);
        }
        catch (ImageException e)
        {
            return new(e.Message + Hint(name), 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException)
        {
            ImageLog.PullFailed(_log, name, e.Message);
            return new($"failed to pull and unpack image \"{name}\": {e.Message}", 0);
        }
    }

    public void Dispose() => _watcher.Dispose();

    private string Hint(string name) => TryFind(name, out _)
        ? " (the image is on this node: with imagePullPolicy IfNotPresent or Never it would be used)"
        : "";
}

internal static partial class ImageLog
{
    [LoggerMessage(2501, LogLevel.Warning, "image {Name}: not pulled: {Message}")]
    public static partial void PullFailed(ILogger log, string name, string message);

    [LoggerMessage(2502, LogLevel.Information, "disk use {Use} % is over {High} %: removed image {Name} ({Bytes} bytes)")]
    public static partial void Collected(ILogger log, double use, int high, string name, long bytes);

    [LoggerMessage(2503, LogLevel.Warning, "images cannot be collected: {Message}")]
    public static partial void NotCollected(ILogger log, string message);
}
