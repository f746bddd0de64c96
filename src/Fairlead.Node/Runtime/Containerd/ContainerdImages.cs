using System.Diagnostics;
using Fairlead.Node.Images;
using Fairlead.Node.Runtime.Cri;
using Fairlead.Node.Runtime.Oci;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime.Containerd;

/// <summary>
/// Hands images of the node's store over to its containerd, when a container is to stand on one that is not there yet: pulling, importing and
/// collecting stay with the store. containerd's own tool imports them, for CRI has no call for it.
/// </summary>
/// <param name="tool">Path of <c>ctr</c>.</param>
internal sealed class ContainerdImages(CriClient client, ImageStore store, string tool, TimeProvider time) : IRuntimeImages, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CollectEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(5);
    private readonly SemaphoreSlim _turn = new(1);
    private ImageArchive? _node;

    public Task<string> EnsureAsync(Image image, CancellationToken cancel) => EnsureAsync(ArchiveOf(image), cancel);

    public async Task<string> EnsureAsync(ImageArchive archive, CancellationToken cancel)
    {
        if (await client.ImageStatusAsync(archive.Id, cancel) is not null) return archive.Id;
        await _turn.WaitAsync(cancel);
        try
        {
            // Another container of the same image may have had the turn before.
            if (await client.ImageStatusAsync(archive.Id, cancel) is null) await ImportAsync(archive, cancel);
            return archive.Id;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Collects now and then, until cancelled.</summary>
    public async Task CollectAllAsync(ILogger log, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.Delay(CollectEvery, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancel.IsCancellationRequested) return;
            try
            {
                await CollectAsync(cancel);
            }
            catch (Exception e) when (e is RuntimeException or IOException)
            {
                RuntimeLog.OutOfReach(log, client.Socket, e.Message);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <summary>Takes away what the store has no more; a container that stands on it keeps its layers.</summary>
    public async Task CollectAsync(CancellationToken cancel)
    {
        var kept = store.Images.Select(TryArchive).OfType<ImageArchive>().Select(archive => archive.Id).Append(BuiltInImages.Sandbox().Id).ToHashSet();
        if (_node is { } node) kept.Add(node.Id);
        foreach (var image in await client.ListImagesAsync(cancel))
        {
            if (!kept.Contains(image.Id)) await client.RemoveImageAsync(image.Id, cancel);
        }
    }

    public void Dispose() => _turn.Dispose();

    private ImageArchive ArchiveOf(Image image)
    {
        if (image.IsBuiltIn) return _node ??= BuiltInImages.Node(image);
        var name = image.Reference ?? image.Id;
        var named = ImageReference.TryParse(name) is { } reference ? store.Find(reference) : null;
        try
        {
            return named is null ? throw new RuntimeException($"image \"{name}\" is no more on this node") : ImageArchive.Of(named, store.Blobs);
        }
        catch (ImageException e)
        {
            throw new RuntimeException(e.Message, e);
        }
    }

    private ImageArchive? TryArchive(NamedImage image)
    {
        try
        {
            return ImageArchive.Of(image, store.Blobs);
        }
        catch (ImageException)
        {
            // Broken content is as good as none.
            return null;
        }
    }

    private async Task ImportAsync(ImageArchive archive, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(tool, ["--address", client.Socket, "--namespace", "k8s.io", "images", "import", "-"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        using var process = Process.Start(start) ?? throw new RuntimeException($"{tool} did not start");
        var output = process.StandardOutput.ReadToEndAsync(cancel);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        try
        {
            await archive.WriteAsync(process.StandardInput.BaseStream, cancel);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It says why it reads no more.
        }
        await process.WaitForExitAsync(cancel);
        await output;
        if (process.ExitCode != 0) throw new RuntimeException($"image \"{archive.Name}\" was not handed over: {OciCommand.Readable(await errors)}");
        await WaitAsync(archive, cancel);
    }

    /// <summary>CRI hears of a new image a moment after it has come.</summary>
    private async Task WaitAsync(ImageArchive archive, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        while (await client.ImageStatusAsync(archive.Id, cancel) is null)
        {
            if (time.GetElapsedTime(began) > Patience) throw new RuntimeException($"image \"{archive.Name}\" was handed over, and does not show");
            await Task.Delay(LookEvery, time, cancel);
        }
    }
}
