using System.Collections.Immutable;
using System.Text.Json;

namespace Fairlead.Node.Images;

/// <summary>An image that a name stands for.</summary>
/// <param name="Name">In full, for example <c>docker.io/library/busybox:1.36</c>.</param>
/// <param name="Manifest">Digest of the manifest for this machine.</param>
/// <param name="RegistryDigest">By which the registry it was pulled from knows it; null for an imported one.</param>
/// <param name="Size">Bytes of its manifest, configuration and packed layers.</param>
public sealed record NamedImage(string Name, string Manifest, string? RegistryDigest, long Size);

/// <summary>Which names there are: index.json of an OCI layout, swapped whole.</summary>
internal sealed class ImageIndex(string root, TimeProvider time)
{
    private const string NameAnnotation = "org.opencontainers.image.ref.name";
    private const string DigestAnnotation = "io.fairlead.image.digest";
    private const string SizeAnnotation = "io.fairlead.image.size";
    private readonly Lock _lock = new();
    private (DateTime Written, long Length) _seen;
    private ImmutableDictionary<string, NamedImage> _images = ImmutableDictionary<string, NamedImage>.Empty;

    public string Path { get; } = $"{root}/index.json";

    /// <summary>As it is on disk now; read again only if it was swapped since.</summary>
    public ImmutableDictionary<string, NamedImage> Images
    {
        get
        {
            lock (_lock)
            {
                var file = new FileInfo(Path);
                if (!file.Exists) return _images = ImmutableDictionary<string, NamedImage>.Empty;
                var stamp = (file.LastWriteTimeUtc, file.Length);
                if (stamp == _seen) return _images;
                _images = Read();
                _seen = stamp;
                return _images;
            }
        }
    }

    /// <summary>Changes what is there, one process after the other.</summary>
    public async Task ChangeAsync(Func<ImmutableDictionary<string, NamedImage>, ImmutableDictionary<string, NamedImage>> change, CancellationToken cancel)
    {
        using var turn = await FolderLock.TakeAsync($"{root}/locks/index", time, cancel);
        var before = Read();
        var after = change(before);
        if (ReferenceEquals(before, after)) return;
        var index = new OciIndex { Manifests = [.. after.Values.OrderBy(image => image.Name, StringComparer.Ordinal).Select(Describe)] };
        var draft = $"{Path}.new";
        using (var file = File.Create(draft))
        {
            JsonSerializer.Serialize(file, index, OciJson.Default.OciIndex);
            file.Flush(flushToDisk: true);
        }
        if (!File.Exists($"{root}/oci-layout")) File.WriteAllText($"{root}/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
        File.Move(draft, Path, overwrite: true);
    }

    private ImmutableDictionary<string, NamedImage> Read()
    {
        if (!File.Exists(Path)) return ImmutableDictionary<string, NamedImage>.Empty;
        var index = ImageException.Parse(File.ReadAllBytes(Path), OciJson.Default.OciIndex, Path);
        return index.Manifests.Where(manifest => manifest.Annotations?.ContainsKey(NameAnnotation) == true)
            .Select(manifest => new NamedImage(
                manifest.Annotations![NameAnnotation],
                manifest.Digest,
                manifest.Annotations.GetValueOrDefault(DigestAnnotation),
                long.TryParse(manifest.Annotations.GetValueOrDefault(SizeAnnotation), System.Globalization.CultureInfo.InvariantCulture, out var size) ? size : 0))
            .ToImmutableDictionary(image => image.Name);
    }

    private static Descriptor Describe(NamedImage image)
    {
        var annotations = new Dictionary<string, string>
        {
            [NameAnnotation] = image.Name,
            [SizeAnnotation] = image.Size.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        if (image.RegistryDigest is { } digest) annotations[DigestAnnotation] = digest;
        return new Descriptor { MediaType = MediaTypes.OciManifest, Digest = image.Manifest, Annotations = annotations };
    }
}
