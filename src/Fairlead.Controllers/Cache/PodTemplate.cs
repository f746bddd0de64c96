using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Kube.Json;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>
/// A pod template kept as JSON with its members in order: smaller than the object, and equal to another when its text is,
/// in whatever order the two were written.
/// </summary>
internal sealed class PodTemplate : IEquatable<PodTemplate>
{
    /// <summary>The label by which a Deployment tells its ReplicaSets' pods apart.</summary>
    public const string HashLabel = "pod-template-hash";

    private readonly byte[] _json;
    private readonly byte[] _identity;

    public PodTemplate(V1PodTemplateSpec template)
    {
        var tree = (JsonObject)JsonNode.Parse(KubeJson.Serialize(template))!;
        _json = Canonical(tree);
        _identity = tree["metadata"]?["labels"] is JsonObject labels && labels.Remove(HashLabel) ? Canonical(tree) : _json;
        Labels = ValueMap.From(template.Metadata?.Labels);
    }

    /// <summary>The template's labels, to compare with those of pods.</summary>
    public ValueMap Labels { get; }

    /// <summary>A fresh copy that the caller may change.</summary>
    public V1PodTemplateSpec Create() => KubeJson.Deserialize<V1PodTemplateSpec>(_json);

    public JsonObject ToTree() => (JsonObject)JsonNode.Parse(_json)!;

    /// <summary>Whether pods of both are the same but for the label <c>pod-template-hash</c>.</summary>
    public bool IsSameAs(PodTemplate other) => _identity.AsSpan().SequenceEqual(other._identity);

    /// <summary>A short name for the template, fit for labels and names.</summary>
    /// <param name="collisions">How many such names were found taken by other templates.</param>
    public string Hash(int collisions)
    {
        var hash = Fnv(2166136261, _identity);
        Span<byte> count = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(count, collisions);
        if (collisions > 0) hash = Fnv(hash, count);
        return string.Concat(hash.ToString(CultureInfo.InvariantCulture).Select(digit => ObjectNames.Alphabet[digit % ObjectNames.Alphabet.Length]));
    }

    public bool Equals(PodTemplate? other) => other is not null && _json.AsSpan().SequenceEqual(other._json);

    public override bool Equals(object? obj) => Equals(obj as PodTemplate);

    public override int GetHashCode() => _json.Length;

    private static uint Fnv(uint hash, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes) hash = (hash ^ value) * 16777619;
        return hash;
    }

    private static byte[] Canonical(JsonNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer)) Write(json, node);
        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                json.WriteStartObject();
                foreach (var (name, value) in members.OrderBy(member => member.Key, StringComparer.Ordinal))
                {
                    json.WritePropertyName(name);
                    Write(json, value);
                }
                json.WriteEndObject();
                break;
            case JsonArray items:
                json.WriteStartArray();
                foreach (var item in items) Write(json, item);
                json.WriteEndArray();
                break;
            case null:
                json.WriteNullValue();
                break;
            default:
                node.WriteTo(json);
                break;
        }
    }
}
