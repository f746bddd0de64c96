using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Watch;

/// <summary>One object as the cache holds it: its JSON as clients receive it, and what lists and watches select by.</summary>
internal sealed class StoredObject
{
    private StoredObject(string key, long revision, byte[] json, Index index)
    {
        Key = key;
        Revision = revision;
        Json = json;
        Namespace = index.Namespace;
        Name = index.Name;
        Uid = index.Uid;
        Labels = index.Labels;
        Fields = index.Fields;
    }

    private StoredObject(StoredObject same, byte[] json)
    {
        (Key, Revision, Json) = (same.Key, same.Revision, json);
        (Namespace, Name, Uid, Labels, Fields) = (same.Namespace, same.Name, same.Uid, same.Labels, same.Fields);
    }

    /// <summary>In the store.</summary>
    public string Key { get; }
    public long Revision { get; }

    /// <summary>UTF-8, with metadata.resourceVersion.</summary>
    public byte[] Json { get; }
    public string Namespace { get; }
    public string Name { get; }
    public string Uid { get; }
    public IReadOnlyDictionary<string, string> Labels { get; }

    /// <summary>Values of the fields that this kind can be selected by; a missing one is the empty string.</summary>
    public IReadOnlyDictionary<string, string> Fields { get; }

    /// <summary>A tree of one's own to change.</summary>
    public JsonObject ToTree() => (JsonObject)JsonNode.Parse(Json)!;

    /// <summary>The same object in the form of another version.</summary>
    public static StoredObject Shown(StoredObject stored, JsonObject form) => new(stored, Encoding.UTF8.GetBytes(form.ToText()));

    /// <summary>An object that is not stored, as a dry run shows it: without a revision.</summary>
    public static StoredObject Unstored(Kind kind, string key, byte[] json)
    {
        var index = new Index();
        index.Read(json, kind);
        return new StoredObject(key, 0, json, index);
    }

    /// <summary>Puts the revision into the stored JSON, which carries none, and reads the index in one pass.</summary>
    public static StoredObject Read(Kind kind, string key, ReadOnlySpan<byte> stored, long revision)
    {
        var index = new Index();
        var metadataStart = index.Read(stored, kind);
        var version = Encoding.ASCII.GetBytes($"\"resourceVersion\":\"{revision}\",");
        var json = new byte[stored.Length + version.Length];
        stored[..metadataStart].CopyTo(json);
        version.CopyTo(json, metadataStart);
        stored[metadataStart..].CopyTo(json.AsSpan(metadataStart + version.Length));
        return new StoredObject(key, revision, json, index);
    }

    /// <summary>The JSON to store: kind and apiVersion first, then metadata (never empty) without its resourceVersion.</summary>
    public static byte[] Write(JsonObject obj)
    {
        using var buffer = new MemoryStream(1024);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            foreach (var name in (ReadOnlySpan<string>)["kind", "apiVersion", "metadata"]) WriteMember(writer, obj, name);
            foreach (var (name, value) in obj)
            {
                if (name is not ("kind" or "apiVersion" or "metadata") && value is not null) WriteMember(writer, obj, name);
            }
            writer.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static void WriteMember(Utf8JsonWriter writer, JsonObject obj, string name)
    {
        writer.WritePropertyName(name);
        if (name == "metadata" && obj[name] is JsonObject metadata) metadata.Remove("resourceVersion");
        obj[name]!.WriteTo(writer);
    }

    private sealed class Index
    {
        public string Namespace { get; private set; } = "";
        public string Name { get; private set; } = "";
        public string Uid { get; private set; } = "";
        public IReadOnlyDictionary<string, string> Labels { get; private set; } = FrozenDictionary<string, string>.Empty;
        public IReadOnlyDictionary<string, string> Fields { get; private set; } = FrozenDictionary<string, string>.Empty;

        /// <summary>Answers the offset just behind the brace that opens metadata.</summary>
        public int Read(ReadOnlySpan<byte> json, Kind kind)
        {
            var reader = new Utf8JsonReader(json);
            var metadataStart = -1;
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isMetadata = reader.ValueTextEquals("metadata"u8);
                reader.Read();
                if (isMetadata)
                {
                    metadataStart = (int)reader.TokenStartIndex + 1;
                    ReadMetadata(ref reader);
                }
                else reader.Skip();
            }
            if (kind.SelectableFields.Count > 0) ReadFields(json, kind);
            return metadataStart;
        }

        private void ReadMetadata(ref Utf8JsonReader reader)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("name"u8)) Name = NextText(ref reader);
                else if (reader.ValueTextEquals("namespace"u8)) Namespace = NextText(ref reader);
                else if (reader.ValueTextEquals("uid"u8)) Uid = NextText(ref reader);
                else if (reader.ValueTextEquals("labels"u8)) ReadLabels(ref reader);
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }
        }

        private void ReadLabels(ref Utf8JsonReader reader)
        {
            var labels = new Dictionary<string, string>();
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var key = reader.GetString()!;
                labels[key] = NextText(ref reader);
            }
            Labels = labels;
        }

        private void ReadFields(ReadOnlySpan<byte> json, Kind kind)
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            var fields = new Dictionary<string, string>();
            foreach (var (field, paths) in kind.SelectableFields)
                fields[field] = paths.Select(path => Find(document.RootElement, path)).FirstOrDefault(value => value.Length > 0, "");
            Fields = fields;
        }

        private static string Find(JsonElement element, string[] path)
        {
            foreach (var step in path)
            {
                if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(step, out element)) return "";
            }
            return element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText();
        }

        private static string NextText(ref Utf8JsonReader reader)
        {
            reader.Read();
            return reader.GetString() ?? "";
        }
    }
}
