using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Fairlead.Node.Runtime;

namespace Fairlead.Node.Images;

/// <summary>How far an import or a pull is.</summary>
/// <param name="What">The layer, by the start of its digest, or the image.</param>
/// <param name="Done">Bytes.</param>
/// <param name="Total">Bytes; 0: not known.</param>
public readonly record struct ImageProgress(string Step, string What, long Done, long Total);

/// <summary>
/// The images of a cluster's nodes on this machine: content by digest, layers unpacked once, names. Several processes use one folder.
/// </summary>
public sealed class ImageStore(string root, TimeProvider time)
{
    private readonly ImageIndex _index = new(root, time);

    /// <summary>The folder of a cluster's images.</summary>
    public static string FolderOf(string cluster) => $"/var/lib/fairlead/{cluster}/images";

    public string Root => root;

    public IEnumerable<NamedImage> Images => _index.Images.Values.OrderBy(image => image.Name, StringComparer.Ordinal);

    internal BlobStore Blobs { get; } = new(root);

    internal LayerStore Layers => new(root, Blobs, time);

    internal TimeProvider Time => time;

    internal string IndexPath => _index.Path;

    public void CreateFolders()
    {
        foreach (var folder in (string[])[root, $"{root}/l", $"{root}/locks", Blobs.Partial]) Directory.CreateDirectory(folder);
        // Layers hold set-user-id programs that no user of the machine shall find.
        File.SetUnixFileMode(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>What a name stands for here, if anything.</summary>
    public NamedImage? Find(ImageReference reference)
    {
        var images = _index.Images;
        if (reference.Digest is not { } digest) return images.GetValueOrDefault(reference.ToString());
        return images.Values.FirstOrDefault(image =>
            (image.RegistryDigest == digest || image.Manifest == digest) && ImageReference.TryParse(image.Name) is { } named && named.Name == reference.Name);
    }

    /// <summary>The image ready for a container; false where it, or a part of it, is not here.</summary>
    internal bool TryFind(ImageReference reference, [NotNullWhen(true)] out Image? image)
    {
        image = null;
        if (Find(reference) is not { } named) return false;
        try
        {
            image = Load(named);
        }
        catch (ImageException)
        {
            // Broken content is as good as none: it is fetched again.
            return false;
        }
        if (!image.Layers.All(Directory.Exists)) return false;
        MarkUsed(named.Manifest);
        return true;
    }

    /// <summary>Unpacks what a manifest in the store names, and gives it its names.</summary>
    /// <exception cref="ImageException">A part is missing or broken.</exception>
    internal async Task<NamedImage> AddAsync(
        string manifestDigest, string? registryDigest, IReadOnlyList<string> names, IProgress<ImageProgress>? progress, CancellationToken cancel)
    {
        var (manifest, config) = ReadManifest(manifestDigest);
        var layers = manifest.Layers!;
        await Task.WhenAll(layers.Zip(config.Rootfs!.DiffIds, async (layer, diffId) =>
        {
            await Layers.UnpackAsync(layer.Digest, diffId, cancel);
            progress?.Report(new("unpacked", Short(layer.Digest), layer.Size, layer.Size));
        }));
        var size = manifest.Config!.Size + layers.Sum(layer => layer.Size);
        var named = names.Select(name => new NamedImage(name, manifestDigest, registryDigest, size)).ToList();
        MarkUsed(manifestDigest);
        await _index.ChangeAsync(images => images.SetItems(named.Select(image => KeyValuePair.Create(image.Name, image))), cancel);
        return named[0];
    }

    /// <summary>The first container that stands on the image, or null.</summary>
    public ImageUse? UserOf(NamedImage image, IEnumerable<ImageUse> uses)
    {
        try
        {
            var id = IdOf(image, ReadManifest(image.Manifest).Manifest);
            return uses.FirstOrDefault(use => use.ImageId == id);
        }
        catch (ImageException)
        {
            return null;
        }
    }

    /// <summary>Takes names away, and the content that no other name needs and no container uses.</summary>
    public async Task RemoveAsync(IReadOnlyCollection<string> names, Func<IReadOnlyList<ImageUse>> uses, CancellationToken cancel)
    {
        var removed = new List<NamedImage>();
        await _index.ChangeAsync(
            images =>
            {
                removed.AddRange(names.Select(images.GetValueOrDefault).OfType<NamedImage>());
                return images.RemoveRange(names);
            },
            cancel);
        var (keptBlobs, keptLayers) = Content(_index.Images.Values);
        var (blobs, layers) = Content(removed);
        foreach (var layer in layers.Except(keptLayers)) Layers.Delete(layer, folder => uses().Any(use => use.Layers.Contains(folder)));
        foreach (var blob in blobs.Except(keptBlobs)) Blobs.Delete(blob);
    }

    internal DateTimeOffset LastUsed(string manifestDigest) => new(File.GetLastWriteTimeUtc(Blobs.Place(manifestDigest)));

    internal static string Short(string digest) => digest.Length > 19 ? digest[7..19] : digest;

    private Image Load(NamedImage named)
    {
        var (manifest, config) = ReadManifest(named.Manifest);
        var run = config.Config ?? new OciRun();
        return new Image
        {
            Id = IdOf(named, manifest),
            Reference = named.Name,
            Layers = [.. config.Rootfs!.DiffIds.Select(Layers.Folder).Reverse()],
            Entrypoint = [.. run.Entrypoint ?? []],
            Command = [.. run.Cmd ?? []],
            Variables = [.. (run.Env ?? []).Select(Variable)],
            WorkingDirectory = run.WorkingDir is { Length: > 0 } folder ? folder : "/",
            User = run.User ?? "",
            StopSignal = run.StopSignal,
        };
    }

    /// <summary>As containerd tells it: repository and digest of what a registry gave, the configuration's digest of what was imported.</summary>
    private static string IdOf(NamedImage named, OciManifest manifest) =>
        named.RegistryDigest is { } digest && ImageReference.TryParse(named.Name) is { } name ? $"{name.Name}@{digest}" : manifest.Config!.Digest;

    private (OciManifest Manifest, OciConfig Config) ReadManifest(string digest)
    {
        var manifest = ImageException.Parse(Blobs.Read(digest, "manifest"), OciJson.Default.OciManifest, $"manifest {digest}");
        if (manifest.Config is not { } configuration || manifest.Layers is not { } layers)
            throw new ImageException($"manifest {digest} is none of a container image");
        var config = ImageException.Parse(Blobs.Read(configuration.Digest, "configuration"), OciJson.Default.OciConfig, $"configuration {configuration.Digest}");
        if (config.Rootfs?.DiffIds.Count != layers.Count) throw new ImageException($"configuration {configuration.Digest} does not have the {layers.Count} layers of its manifest");
        if (config.Os.Length > 0 && (config.Os != "linux" || config.Architecture != PlatformChoice.Architecture))
            throw new ImageException($"the image is for {config.Os}/{config.Architecture}; this machine is linux/{PlatformChoice.Architecture}");
        return (manifest, config);
    }

    private (HashSet<string> Blobs, HashSet<string> Layers) Content(IEnumerable<NamedImage> images)
    {
        var (blobs, layers) = (new HashSet<string>(), new HashSet<string>());
        foreach (var digest in images.Select(image => image.Manifest).Distinct())
        {
            blobs.Add(digest);
            try
            {
                var (manifest, config) = ReadManifest(digest);
                blobs.Add(manifest.Config!.Digest);
                blobs.UnionWith(manifest.Layers!.Select(layer => layer.Digest));
                layers.UnionWith(config.Rootfs!.DiffIds);
            }
            catch (ImageException)
            {
                // Half an image: what is left of it is only its manifest.
            }
        }
        return (blobs, layers);
    }

    /// <summary>The time of its manifest's file tells when an image was last used.</summary>
    private void MarkUsed(string manifestDigest)
    {
        var now = time.GetUtcNow().UtcDateTime;
        if (Blobs.Has(manifestDigest)) File.SetLastWriteTimeUtc(Blobs.Place(manifestDigest), now);
    }

    private static KeyValuePair<string, string> Variable(string line)
    {
        var equals = line.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? new(line, "") : new(line[..equals], line[(equals + 1)..]);
    }
}
