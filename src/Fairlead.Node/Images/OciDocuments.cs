using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Node.Images;

/// <summary>Media types that Fairlead reads (OCI image specification, media-types.md; Docker's of schema 2).</summary>
internal static class MediaTypes
{
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string DockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

    public static bool IsIndex(string? type) => type is OciIndex or DockerList;
}

/// <summary>Points to content (OCI image specification, descriptor.md).</summary>
internal sealed record Descriptor
{
    public string MediaType { get; init; } = "";
    public string Digest { get; init; } = "";
    public long Size { get; init; }
    public Platform? Platform { get; init; }
    public Dictionary<string, string>? Annotations { get; init; }
}

internal sealed record Platform
{
    public string Architecture { get; init; } = "";
    public string Os { get; init; } = "";
    public string? Variant { get; init; }
}

internal sealed record OciIndex
{
    public int SchemaVersion { get; init; } = 2;
    public string? MediaType { get; init; } = MediaTypes.OciIndex;
    public List<Descriptor> Manifests { get; init; } = [];
}

internal sealed record OciManifest
{
    public int SchemaVersion { get; init; } = 2;
    public string? MediaType { get; init; } = MediaTypes.OciManifest;
    public Descriptor? Config { get; init; }
    public List<Descriptor>? Layers { get; init; }

    /// <summary>Of an index that was given where a manifest was expected.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public List<Descriptor>? Manifests { get; init; }
}

/// <summary>What of an image's configuration a container needs (OCI image specification, config.md).</summary>
internal sealed record OciConfig
{
    public string Architecture { get; init; } = "";
    public string Os { get; init; } = "";
    public OciRun? Config { get; init; }
    public OciRootFs? Rootfs { get; init; }
}

internal sealed record OciRun
{
    [JsonPropertyName("User")]
    public string? User { get; init; }

    [JsonPropertyName("Env")]
    public List<string>? Env { get; init; }

    [JsonPropertyName("Entrypoint")]
    public List<string>? Entrypoint { get; init; }

    [JsonPropertyName("Cmd")]
    public List<string>? Cmd { get; init; }

    [JsonPropertyName("WorkingDir")]
    public string? WorkingDir { get; init; }

    [JsonPropertyName("StopSignal")]
    public string? StopSignal { get; init; }
}

internal sealed record OciRootFs
{
    [JsonPropertyName("diff_ids")]
    public List<string> DiffIds { get; init; } = [];
}

/// <summary>One image in manifest.json of what <c>docker save</c> writes.</summary>
internal sealed record DockerArchiveImage
{
    [JsonPropertyName("Config")]
    public string Config { get; init; } = "";

    [JsonPropertyName("RepoTags")]
    public List<string>? RepoTags { get; init; }

    [JsonPropertyName("Layers")]
    public List<string> Layers { get; init; } = [];
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, PropertyNameCaseInsensitive = false)]
[JsonSerializable(typeof(OciIndex))]
[JsonSerializable(typeof(OciManifest))]
[JsonSerializable(typeof(OciConfig))]
[JsonSerializable(typeof(List<DockerArchiveImage>))]
internal sealed partial class OciJson : JsonSerializerContext;

/// <summary>Something is wrong with an image or with getting it; the message is for its user.</summary>
public sealed class ImageException(string message, Exception? inner = null) : IOException(message, inner)
{
    internal static T Parse<T>(ReadOnlySpan<byte> json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, string what) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new ImageException($"{what} is empty");
        }
        catch (JsonException e)
        {
            throw new ImageException($"{what} cannot be read: {e.Message}", e);
        }
    }
}
