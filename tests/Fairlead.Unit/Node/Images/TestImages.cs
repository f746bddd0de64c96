using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Fairlead.Unit.Node.Images;

/// <summary>A layer's archive, entry by entry.</summary>
internal sealed class TestLayer : IDisposable
{
    private readonly MemoryStream _stream = new();
    private readonly TarWriter _writer;

    public TestLayer() => _writer = new TarWriter(_stream, TarEntryFormat.Pax, leaveOpen: true);

    public TestLayer Folder(string path, int mode = 0b111_101_101, int user = 0) => Add(new PaxTarEntry(TarEntryType.Directory, path), mode, user);

    public TestLayer File(string path, string content = "", int mode = 0b110_100_100, int user = 0, params (string, string)[] attributes) =>
        File(path, Encoding.UTF8.GetBytes(content), mode, user, attributes);

    public TestLayer File(string path, byte[] content, int mode = 0b110_100_100, int user = 0, params (string Name, string Value)[] attributes)
    {
        var extra = attributes.Select(attribute => KeyValuePair.Create($"SCHILY.xattr.{attribute.Name}", attribute.Value));
        return Add(new PaxTarEntry(TarEntryType.RegularFile, path, extra) { DataStream = new MemoryStream(content) }, mode, user);
    }

    public TestLayer Link(string path, string target) => Add(new PaxTarEntry(TarEntryType.SymbolicLink, path) { LinkName = target }, 0b111_111_111, 0);

    public TestLayer HardLink(string path, string target) => Add(new PaxTarEntry(TarEntryType.HardLink, path) { LinkName = target }, 0b110_100_100, 0);

    public void Dispose() => _writer.Dispose();

    public byte[] ToArray()
    {
        _writer.Dispose();
        return _stream.ToArray();
    }

    private TestLayer Add(PaxTarEntry entry, int mode, int user)
    {
        entry.Mode = (UnixFileMode)mode;
        (entry.Uid, entry.Gid) = (user, user);
        entry.ModificationTime = new DateTimeOffset(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);
        _writer.WriteEntry(entry);
        return this;
    }
}

/// <summary>An image made by hand: layers and a configuration, as the archives that tools write.</summary>
internal sealed partial class TestImage(string name, JsonObject config, params byte[][] layers)
{
    /// <summary>A static busybox with links for a few of its commands, users, and a second layer that removes and hides things.</summary>
    public static TestImage Busybox(string name, JsonObject? config = null) => new(
        name,
        config ?? new JsonObject { ["Cmd"] = new JsonArray("sh"), ["Env"] = new JsonArray("PATH=/bin", "COLOUR=blue") },
        BusyboxLayer(),
        new TestLayer().File("etc/.wh.removed").Folder("hidden").File("hidden/.wh..wh..opq").File("hidden/new", "new").ToArray());

    public static byte[] BusyboxLayer()
    {
        var layer = new TestLayer().Folder("bin").File("bin/busybox", global::System.IO.File.ReadAllBytes("/bin/busybox"), 0b111_101_101);
        foreach (var command in (string[])["sh", "sleep", "cat", "ls", "id", "echo", "env", "pwd", "touch", "httpd", "wget", "true", "stat", "seq", "nc"]) layer.Link($"bin/{command}", "busybox");
        return layer.Folder("etc").Folder("tmp", 0b001_111_111_111).Folder("hidden").File("hidden/old", "old").File("etc/removed", "there")
            .File("etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n")
            .File("etc/group", "root:x:0:\napp:x:1001:\nextra:x:2000:app,other\n").ToArray();
    }

    public string Name => name;

    public byte[] Config
    {
        get
        {
            var document = new JsonObject
            {
                ["architecture"] = global::System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == global::System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64",
                ["os"] = "linux",
                ["config"] = config.DeepClone(),
                ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray([.. layers.Select(layer => (JsonNode)Digest(layer))]) },
            };
            return Encoding.UTF8.GetBytes(document.ToJsonString());
        }
    }

    /// <summary>As older versions of docker save write it.</summary>
    public static byte[] DockerArchive(params TestImage[] images)
    {
        var files = new Dictionary<string, byte[]>();
        var manifest = new JsonArray();
        foreach (var image in images)
        {
            var config = image.Config;
            files[$"{Digest(config)[7..]}.json"] = config;
            var paths = new JsonArray();
            foreach (var layer in image.Layers)
            {
                files[$"{Digest(layer)[7..]}/layer.tar"] = layer;
                paths.Add((JsonNode)$"{Digest(layer)[7..]}/layer.tar");
            }
            manifest.Add((JsonNode)new JsonObject { [nameof(Config)] = $"{Digest(config)[7..]}.json", ["RepoTags"] = new JsonArray((JsonNode)image.Name), [nameof(Layers)] = paths });
        }
        files["manifest.json"] = Encoding.UTF8.GetBytes(manifest.ToJsonString());
        return Tar(files);
    }

    /// <summary>An OCI layout whose layers are packed.</summary>
    public byte[] OciArchive(Func<byte[], byte[]> pack, string? refName = null)
    {
        var (manifest, blobs) = Manifest(pack);
        blobs[Digest(manifest)] = manifest;
        var files = blobs.ToDictionary(blob => $"blobs/sha256/{blob.Key[7..]}", blob => blob.Value);
        var described = Descriptor("application/vnd.oci.image.manifest.v1+json", manifest);
        described["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = refName ?? name };
        files["index.json"] = Encoding.UTF8.GetBytes(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray((JsonNode)described) }.ToJsonString());
        files["oci-layout"] = "{\"imageLayoutVersion\":\"1.0.0\"}"u8.ToArray();
        return Tar(files);
    }

    public (byte[] Manifest, Dictionary<string, byte[]> Blobs) Manifest(Func<byte[], byte[]> pack)
    {
        var blobs = new Dictionary<string, byte[]> { [Digest(Config)] = Config };
        var described = new JsonArray();
        foreach (var layer in layers)
        {
            var packed = pack(layer);
            blobs[Digest(packed)] = packed;
            described.Add((JsonNode)Descriptor("application/vnd.oci.image.layer.v1.tar", packed));
        }
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = "application/vnd.oci.image.manifest.v1+json",
            ["config"] = Descriptor("application/vnd.oci.image.config.v1+json", Config),
            ["layers"] = described,
        };
        return (Encoding.UTF8.GetBytes(manifest.ToJsonString()), blobs);
    }

    public static byte[] Plain(byte[] data) => data;

    public static byte[] Gzip(byte[] data)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(data);
        return packed.ToArray();
    }

    public static string Digest(byte[] data) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(data))}";

    public static JsonObject Descriptor(string mediaType, byte[] data) => new() { ["mediaType"] = mediaType, ["digest"] = Digest(data), ["size"] = data.Length };

    private byte[][] Layers => layers;

    private static byte[] Tar(Dictionary<string, byte[]> files)
    {
        var archive = new TestLayer();
        foreach (var (path, content) in files) archive.File(path, content);
        return archive.ToArray();
    }
}
