using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Fairlead.Node.Images;
using Fairlead.Node.Images.Registry;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>The images of a runtime that keeps and pulls its own, by CRI's ImageService; and the built-in one, where that can be brought there.</summary>
/// <param name="host">Brings the built-in image; null: nobody can.</param>
internal sealed class CriImages(CriClient client, HostImage builtIn, IRuntimeImages? host, ILogger log, TimeProvider time) : IImageStore, IRuntimeImages
{
    private static readonly TimeSpan ListEvery = TimeSpan.FromSeconds(10);
    private volatile ImmutableList<CriImage> _images = [];

    public event Action? Changed;

    /// <summary>As the node reports them.</summary>
    public IEnumerable<NamedImage> Images =>
        _images.SelectMany(image => image.Tags.Select(tag => new NamedImage(tag, image.Id, image.Digests.Select(name => name.Split('@')[^1]).FirstOrDefault(), image.Size)));

    public bool TryFind(string name, [NotNullWhen(true)] out Image? image)
    {
        if (builtIn.TryFind(name, out image)) return true;
        if (ImageReference.TryParse(name) is not { } reference) return false;
        if (_images.FirstOrDefault(one => IsNamed(one, reference)) is not { } found) return false;
        image = new Image
        {
            Id = found.Digests.Count > 0 ? found.Digests[0] : found.Id,
            Reference = found.Tags.Count > 0 ? found.Tags[0] : null,
            Layers = [],
            User = found.User,
            // The image's own, which the runtime knows.
            WorkingDirectory = "",
        };
        return true;
    }

    public async Task<ImagePullResult> PullAsync(string name, IReadOnlyCollection<byte[]> dockerConfigs, CancellationToken cancel)
    {
        if (ImageReference.TryParse(name) is not { } reference) return new($"couldn't parse image name \"{name}\": invalid reference format", 0);
        var known = dockerConfigs.SelectMany(config => RegistryCredential.ParseDockerConfig(config)).ToList();
        var failure = "";
        // Each that fits, and then as nobody.
        foreach (var credential in RegistryCredential.For(reference, known).Append(null))
        {
            try
            {
                await client.PullImageAsync(reference.ToString(), credential, cancel);
                await ListAsync(cancel);
                return new(null, _images.FirstOrDefault(one => IsNamed(one, reference))?.Size ?? 0);
            }
            catch (CriException e)
            {
                failure = e.Message;
            }
        }
        ImageLog.PullFailed(log, name, failure);
        return new(failure, 0);
    }

    public Task<string> EnsureAsync(Image image, CancellationToken cancel)
    {
        if (!image.IsBuiltIn) return Task.FromResult(image.Id);
        return host?.EnsureAsync(image, cancel) ?? throw new RuntimeException($"image \"{image.Id}\" is the node's own, which only containerd can be given");
    }

    public async Task ListAsync(CancellationToken cancel)
    {
        var images = await client.ListImagesAsync(cancel);
        var isSame = images.Select(image => image.Id).Order(StringComparer.Ordinal).SequenceEqual(_images.Select(image => image.Id).Order(StringComparer.Ordinal));
        _images = [.. images];
        if (!isSame) Changed?.Invoke();
    }

    /// <summary>Others bring and remove images too: looks now and then, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.Delay(ListEvery, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancel.IsCancellationRequested) return;
            try
            {
                await ListAsync(cancel);
            }
            catch (CriException e)
            {
                RuntimeLog.OutOfReach(log, client.Socket, e.Message);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private static bool IsNamed(CriImage image, ImageReference reference) => reference.Digest is { } digest
        ? image.Digests.Contains($"{reference.Name}@{digest}")
        : image.Tags.Contains(reference.ToString());
}
