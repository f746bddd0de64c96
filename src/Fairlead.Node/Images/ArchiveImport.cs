using System.Text.Json;
using Fairlead.Node.Images.Archives;

namespace Fairlead.Node.Images;

/// <summary>
/// Takes over the images of an archive: what <c>docker save</c> writes, or an OCI layout in a tar; packed or not, one image or several.
/// </summary>
public sealed class ArchiveImport(ImageStore store, IProgress<ImageProgress>? progress = null)
{
    /// <summary>Documents are small; the rest are blobs.</summary>
    private const int LongestDocument = 16 << 20;
    private readonly Dictionary<string, (string Draft, string Digest, long Size)> _files = [];
    private readonly Dictionary<string, string> _links = [];

    /// <param name="archive">Read once, from its start; disposed.</param>
    /// <param name="length">Of the archive, for the progress; 0: not known.</param>
    /// <param name="name">For an image that the archive does not name; null: such an archive is refused.</param>
    /// <returns>The names that there are now.</returns>
    /// <exception cref="ImageException">It is no image archive, or broken.</exception>
    public async Task<IReadOnlyList<NamedImage>> RunAsync(Stream archive, long length, ImageReference? name, CancellationToken cancel)
    {
        store.CreateFolders();
        try
        {
            await Task.Run(() => ReadArchive(archive, length, cancel), cancel);
            var images = new List<NamedImage>();
            foreach (var (manifest, names) in Find(name))
            {
                foreach (var each in names) progress?.Report(new("unpacking", each, 0, 0));
                var added = await store.AddAsync(manifest, null, names, progress, cancel);
                images.AddRange(names.Select(each => added with { Name = each }));
            }
            return images;
        }
        catch (Exception e) when (e is InvalidDataException or ZstdSharp.ZstdException or EndOfStreamException)
        {
            throw new ImageException(e.Message, e);
        }
        finally
        {
            foreach (var file in _files.Values) File.Delete(file.Draft);
        }
    }

    private void ReadArchive(Stream archive, long length, CancellationToken cancel)
    {
        using var counting = new HashingStream(archive);
        using var plain = Compression.Open(counting);
        var tar = new TarStream(plain);
        while (tar.Next() is { } entry)
        {
            cancel.ThrowIfCancellationRequested();
            var path = string.Join('/', LayerRoot.Parts(entry.Path));
            if (entry.Kind == TarKind.File) _files[path] = store.Blobs.Draft(tar.CopyContent);
            else if (entry.Kind is TarKind.SymbolicLink or TarKind.HardLink) _links[path] = TargetOf(path, entry);
            progress?.Report(new("reading", path, counting.Count, length));
        }
        archive.Dispose();
    }

    // Older versions of docker save write a layer that two images share once, and link to it.
    private static string TargetOf(string path, TarEntry link)
    {
        var target = link.Kind == TarKind.HardLink ? link.Target : $"{Path.GetDirectoryName(path)}/{link.Target}";
        return Path.GetFullPath("/" + target)[1..];
    }

    private List<(string Manifest, List<string> Names)> Find(ImageReference? name)
    {
        List<(string Manifest, List<string> Names)> fromIndex = Has("index.json") ? FromLayout(name) : [];
        if (fromIndex.Count > 0 && fromIndex.TrueForAll(image => image.Names.Count > 0)) return fromIndex;
        List<(string Manifest, List<string> Names)> images = Has("manifest.json") ? FromDocker(name) : fromIndex;
        if (images.Count == 0) throw new ImageException("it is no image archive: neither manifest.json of `docker save` nor index.json of an OCI layout is in it");
        if (images.Exists(image => image.Names.Count == 0)) throw new ImageException("the archive does not name its image; give it a name with --as NAME:TAG");
        return images;
    }

    private List<(string, List<string>)> FromDocker(ImageReference? name)
    {
        var images = new List<(string, List<string>)>();
        foreach (var image in ImageException.Parse(Document("manifest.json"), OciJson.Default.ListDockerArchiveImage, "manifest.json"))
        {
            var config = Take(image.Config, MediaTypes.OciConfig);
            var manifest = new OciManifest { Config = config, Layers = [.. image.Layers.Select(layer => Take(layer, MediaTypes.OciLayer))] };
            var digest = store.Blobs.Write(JsonSerializer.SerializeToUtf8Bytes(manifest, OciJson.Default.OciManifest));
            images.Add((digest, name is not null ? [name.ToString()] : [.. (image.RepoTags ?? []).Select(FullName)]));
        }
        return images;
    }

    private List<(string, List<string>)> FromLayout(ImageReference? name)
    {
        var images = new List<(string Manifest, List<string> Names)>();
        foreach (var described in ImageException.Parse(Document("index.json"), OciJson.Default.OciIndex, "index.json").Manifests)
        {
            var manifest = TakeManifest(described);
            if (manifest is null) continue;
            var named = name?.ToString() ?? NameOf(described);
            var known = images.FindIndex(image => image.Manifest == manifest);
            if (known < 0) images.Add((manifest, named is null ? [] : [named]));
            else if (named is not null && !images[known].Names.Contains(named)) images[known].Names.Add(named);
        }
        return images;
    }

    /// <summary>containerd and Docker write the whole name beside a ref.name that may be the tag alone.</summary>
    private static string? NameOf(Descriptor described)
    {
        var annotations = described.Annotations ?? [];
        if (annotations.GetValueOrDefault("io.containerd.image.name") is { } whole) return FullName(whole);
        return annotations.GetValueOrDefault("org.opencontainers.image.ref.name") is { } name && name.AsSpan().ContainsAny('/', ':') ? FullName(name) : null;
    }

    /// <summary>Follows an index to the manifest for this machine, and takes over all that it names. Null: it is for no machine, as a signature is.</summary>
    private string? TakeManifest(Descriptor described)
    {
        var path = $"blobs/sha256/{BlobStore.Hex(described.Digest)}";
        // An export of several platforms' index need not hold them all.
        if (!Has(path)) return null;
        var manifest = ImageException.Parse(Document(path), OciJson.Default.OciManifest, $"manifest {described.Digest}");
        if (manifest.Manifests is { } choices)
        {
            var chosen = PlatformChoice.Choose(choices)
                ?? throw new ImageException($"the archive has no image for linux/{PlatformChoice.Architecture}, only for {PlatformChoice.Words(choices)}");
            return TakeManifest(chosen) ?? throw new ImageException($"the archive lacks {chosen.Digest}, its image for linux/{PlatformChoice.Architecture}");
        }
        if (manifest.Config is not { } config || manifest.Layers is not { } layers) return null;
        if (described.Platform?.Os == "unknown") return null;
        foreach (var part in layers.Prepend(config)) Take($"blobs/sha256/{BlobStore.Hex(part.Digest)}", part.MediaType, part.Digest);
        Take(path, MediaTypes.OciManifest, described.Digest);
        return described.Digest;
    }

    private static string FullName(string name) =>
        (ImageReference.TryParse(name) ?? throw new ImageException($"the archive names an image \"{name}\", which is no image's name")).ToString();

    private Descriptor Take(string path, string mediaType, string? expected = null)
    {
        var file = Resolve(path) ?? throw new ImageException($"the archive lacks {path}");
        if (expected is not null && file.Digest != expected) throw new ImageException($"the archive's {path} is {file.Digest}");
        if (File.Exists(file.Draft)) store.Blobs.Keep(file.Draft, file.Digest);
        return new Descriptor { MediaType = mediaType, Digest = file.Digest, Size = file.Size };
    }

    private bool Has(string path) => Resolve(path) is not null;

    private byte[] Document(string path)
    {
        var file = Resolve(path) ?? throw new ImageException($"the archive lacks {path}");
        if (file.Size > LongestDocument) throw new ImageException($"the archive's {path} is too long for what it should be");
        return File.ReadAllBytes(File.Exists(file.Draft) ? file.Draft : store.Blobs.Place(file.Digest));
    }

    private (string Draft, string Digest, long Size)? Resolve(string path)
    {
        for (var step = 0; step < 8; step++)
        {
            if (_files.TryGetValue(path, out var file)) return file;
            if (!_links.TryGetValue(path, out path!)) return null;
        }
        return null;
    }
}
