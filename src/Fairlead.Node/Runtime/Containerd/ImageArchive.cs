using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Node.Images;

namespace Fairlead.Node.Runtime.Containerd;

/// <summary>One image as an archive that containerd imports: an OCI layout in a tar (OCI image specification, image-layout.md).</summary>
/// <param name="Name">In full, with the tag.</param>
/// <param name="Manifest">Digest of its manifest.</param>
/// <param name="Id">Digest of its configuration, by which CRI knows it.</param>
/// <param name="Blobs">Digests of all its content, and how to open each.</param>
internal sealed record ImageArchive(string Name, string Manifest, string Id, IReadOnlyList<(string Digest, Func<Stream> Open)> Blobs)
{
    /// <summary>The name of an image in an index, as containerd reads it.</summary>
    private const string NameAnnotation = "io.containerd.image.name";

    /// <summary>Of an image of the store.</summary>
    /// <exception cref="ImageException">A part is missing or broken.</exception>
    public static ImageArchive Of(NamedImage image, BlobStore blobs)
    {
        var manifest = ImageException.Parse(blobs.Read(image.Manifest, "manifest"), OciJson.Default.OciManifest, $"manifest {image.Manifest}");
        var config = manifest.Config ?? throw new ImageException($"manifest {image.Manifest} is none of a container image");
        var parts = (manifest.Layers ?? []).Select(layer => layer.Digest).Prepend(config.Digest).Prepend(image.Manifest).Distinct();
        return new(image.Name, image.Manifest, config.Digest, [.. parts.Select(digest => (digest, (Func<Stream>)(() => File.OpenRead(blobs.Place(digest)))))]);
    }

    /// <summary>An image of one layer, made in memory.</summary>
    /// <param name="run">The part of its configuration that says how containers of it start.</param>
    public static ImageArchive Make(string name, JsonObject run, IEnumerable<TarEntry> files)
    {
        var layer = new MemoryStream();
        using (var tar = new TarWriter(layer, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var file in files) tar.WriteEntry(file);
        }
        var layerDigest = Digest(layer.ToArray());
        var config = Bytes(new JsonObject
        {
            ["architecture"] = PlatformChoice.Architecture,
            ["os"] = "linux",
            ["config"] = run,
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray(layerDigest) },
        });
        var manifest = Bytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = MediaTypes.OciManifest,
            ["config"] = Describe(MediaTypes.OciConfig, config),
            ["layers"] = new JsonArray(Describe(MediaTypes.OciLayer, layer.ToArray())),
        });
        byte[][] blobs = [manifest, config, layer.ToArray()];
        return new(name, Digest(manifest), Digest(config), [.. blobs.Select(blob => (Digest(blob), (Func<Stream>)(() => new MemoryStream(blob, writable: false))))]);
    }

    public async Task WriteAsync(Stream output, CancellationToken cancel)
    {
        await using var tar = new TarWriter(output, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var (digest, open) in Blobs)
        {
            await using var content = open();
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, $"blobs/sha256/{BlobStore.Hex(digest)}") { DataStream = content }, cancel);
        }
        var index = new OciIndex
        {
            Manifests = [new Descriptor { MediaType = MediaTypes.OciManifest, Digest = Manifest, Size = SizeOf(Manifest), Annotations = new() { [NameAnnotation] = Name } }],
        };
        await WriteAsync(tar, "index.json", JsonSerializer.SerializeToUtf8Bytes(index, OciJson.Default.OciIndex), cancel);
        await WriteAsync(tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"u8.ToArray(), cancel);
    }

    private static Task WriteAsync(TarWriter tar, string name, byte[] content, CancellationToken cancel) =>
        tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content, writable: false) }, cancel);

    private long SizeOf(string digest)
    {
        using var content = Blobs.First(blob => blob.Digest == digest).Open();
        return content.Length;
    }

    private static JsonObject Describe(string type, byte[] content) => new() { ["mediaType"] = type, ["digest"] = Digest(content), ["size"] = content.Length };

    private static byte[] Bytes(JsonObject json) => System.Text.Encoding.UTF8.GetBytes(json.ToJsonString());

    private static string Digest(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";
}
