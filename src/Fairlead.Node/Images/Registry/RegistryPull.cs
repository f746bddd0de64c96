using System.Net;
using System.Security.Cryptography;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Node.Images.Registry;

/// <summary>Fetches images from registries into the store.</summary>
/// <param name="network">Where connections are made from; null: this process's own network.</param>
public sealed class RegistryPull(ImageStore store, NetworkNamespace? network = null)
{
    private const int AtATime = 4;
    private const int LongestManifest = 8 << 20;

    private static readonly string[] Accepted =
        [MediaTypes.OciIndex, MediaTypes.OciManifest, MediaTypes.DockerList, MediaTypes.DockerManifest, "*/*;q=0.1"];

    /// <summary>How long a registry may send nothing: before an answer, or within one.</summary>
    public TimeSpan LongestSilence { get; init; } = TimeSpan.FromSeconds(60);

    /// <param name="credentials">Those that fit are tried first, the most particular before; then none.</param>
    /// <exception cref="ImageException">It cannot be had; the message says why, in containerd's words where it has some.</exception>
    public async Task<NamedImage> RunAsync(
        ImageReference image, IReadOnlyCollection<RegistryCredential> credentials, IProgress<ImageProgress>? progress, CancellationToken cancel)
    {
        store.CreateFolders();
        var fitting = RegistryCredential.For(image, credentials).Cast<RegistryCredential?>().ToList();
        if (fitting.Count == 0) fitting.Add(null);
        ImageException? failure = null;
        foreach (var endpoint in RegistrySettings.Read(store.Root).Endpoints(image.Registry))
        {
            foreach (var credential in fitting)
            {
                try
                {
                    using var registry = new RegistryConnection(endpoint, image, endpoint.MirrorOf is null ? credential : null, network, LongestSilence, store.Time);
                    return await PullAsync(registry, image, progress, cancel);
                }
                catch (ImageException e)
                {
                    // A registry's own word counts more than that one of its addresses could not be reached.
                    if (failure is null || failure.InnerException is HttpRequestException || e.InnerException is not HttpRequestException) failure = e;
                }
            }
        }
        throw new ImageException($"failed to pull and unpack image \"{image}\": {failure!.Message}", failure);
    }

    private async Task<NamedImage> PullAsync(RegistryConnection registry, ImageReference image, IProgress<ImageProgress>? progress, CancellationToken cancel)
    {
        var (digest, manifest) = await ResolveAsync(registry, image, cancel);
        var registryDigest = digest;
        if (manifest.Manifests is { } choices)
        {
            var chosen = PlatformChoice.Choose(choices)
                ?? throw new ImageException($"no match for platform in manifest: it has {PlatformChoice.Words(choices)}, this machine is linux/{PlatformChoice.Architecture}: not found");
            (digest, manifest) = await FetchManifestAsync(registry, image, chosen.Digest, cancel);
        }
        if (manifest.Config is not { } config || manifest.Layers is not { } layers)
            throw new ImageException($"{image}: its manifest is of a form that this program does not know; it knows OCI's and Docker's of schema 2");
        using var turns = new SemaphoreSlim(AtATime);
        await Task.WhenAll(layers.Prepend(config).DistinctBy(part => part.Digest).Select(async part =>
        {
            await turns.WaitAsync(cancel);
            try
            {
                await new BlobDownload(registry, store, LongestSilence, progress).RunAsync(part, cancel);
            }
            finally
            {
                turns.Release();
            }
        }));
        return await store.AddAsync(digest, registryDigest, [image.ToString()], progress, cancel);
    }

    private async Task<(string Digest, OciManifest Manifest)> ResolveAsync(RegistryConnection registry, ImageReference image, CancellationToken cancel)
    {
        try
        {
            return await FetchManifestAsync(registry, image, image.Selector, cancel);
        }
        catch (ImageException e)
        {
            throw new ImageException($"failed to resolve reference \"{image}\": {e.Message}", e.InnerException);
        }
    }

    private async Task<(string Digest, OciManifest Manifest)> FetchManifestAsync(RegistryConnection registry, ImageReference image, string selector, CancellationToken cancel)
    {
        using var answer = await registry.GetAsync("manifests", selector, Accepted, 0, cancel);
        if (answer.StatusCode == HttpStatusCode.NotFound) throw new ImageException($"{image}: not found");
        if (answer.StatusCode == HttpStatusCode.Forbidden)
            throw new ImageException("pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed");
        if (!answer.IsSuccessStatusCode)
            throw new ImageException($"unexpected status from GET request to {answer.RequestMessage?.RequestUri}: {(int)answer.StatusCode} {answer.ReasonPhrase}");
        var body = await ReadAsync(answer, cancel);
        var digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(body))}";
        var expected = selector.StartsWith("sha256:", StringComparison.Ordinal) ? selector
            : answer.Headers.TryGetValues("Docker-Content-Digest", out var values) ? values.First() : digest;
        if (digest != expected && expected.StartsWith("sha256:", StringComparison.Ordinal)) throw new ImageException($"{image}: the manifest is {digest}, not {expected}");
        store.Blobs.Write(body);
        return (digest, ImageException.Parse(body, OciJson.Default.OciManifest, $"manifest {digest}"));
    }

    private async Task<byte[]> ReadAsync(HttpResponseMessage answer, CancellationToken cancel)
    {
        using var silence = new CancellationTokenSource(LongestSilence, store.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancel);
        try
        {
            await answer.Content.LoadIntoBufferAsync(LongestManifest, either.Token);
            return await answer.Content.ReadAsByteArrayAsync(cancel);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new ImageException($"the registry had not sent the manifest after {LongestSilence.TotalSeconds:F0} s", e);
        }
        catch (HttpRequestException e)
        {
            throw new ImageException(e.Message, e);
        }
    }
}
