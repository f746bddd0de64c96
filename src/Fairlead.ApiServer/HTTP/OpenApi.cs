using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// OpenAPI v3, a document a group version, and v2 for older clients, written once from the schema table. kubectl reads from it whether the server
/// validates fields, the merge keys of its patches, and what `kubectl explain` shows.
/// </summary>
internal sealed class OpenApi(KindTable kinds)
{
    private readonly Dictionary<string, Lazy<byte[]>> _documents = kinds.All
        .GroupBy(kind => kind.Group.Length == 0 ? $"api/{kind.Version}" : $"apis/{kind.Group}/{kind.Version}")
        .ToDictionary(group => group.Key, group => new Lazy<byte[]>(() => Write([.. group])));

    private readonly Lazy<(byte[] Json, byte[] Message)> _v2 = new(() =>
    {
        var document = OpenApiV2.Document(kinds.All);
        return (Encoding.UTF8.GetBytes(document.ToJsonString()), OpenApiMessage.Encode(document));
    });

    /// <summary>Of what the documents follow from, so that the index can name it before they are written.</summary>
    private static readonly string Hash = HashOfSource();

    /// <summary>Answers a path below /openapi, or null.</summary>
    public Task? Handle(HttpContext context, string path)
    {
        if (path == "/openapi/v2") return HandleV2(context);
        if (path == "/openapi/v3") return Answers.WriteAsync(context, 200, Index());
        const string Prefix = "/openapi/v3/";
        if (!path.StartsWith(Prefix, StringComparison.Ordinal) || !_documents.TryGetValue(path[Prefix.Length..], out var document)) return null;
        context.Response.Headers.ETag = $"\"{Hash}\"";
        // What has its hash in its address never changes: kubectl keeps it for good.
        if (context.Request.Query.First("hash") == Hash) context.Response.Headers.CacheControl = "public, immutable, max-age=31536000";
        return Answers.WriteAsync(context, 200, document.Value);
    }

    private Task HandleV2(HttpContext context)
    {
        var (json, message) = _v2.Value;
        var asMessage = context.Request.Headers.Accept.ToString().Contains("proto-openapi.spec.v2", StringComparison.Ordinal);
        context.Response.Headers.ETag = $"\"{Hash}\"";
        context.Response.Headers.Vary = "Accept";
        return asMessage ? Answers.WriteAsync(context, 200, message, OpenApiMessage.MediaType) : Answers.WriteAsync(context, 200, json);
    }

    private static string HashOfSource()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var name in (ReadOnlySpan<string>)["kubernetes.schema", "kubernetes.descriptions"])
        {
            using var stream = typeof(OpenApi).Assembly.GetManifestResourceStream(name)!;
            using var text = new MemoryStream();
            stream.CopyTo(text);
            hash.AppendData(text.ToArray());
        }
        hash.AppendData(Encoding.ASCII.GetBytes(ServerVersion.Git));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private byte[] Index()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("paths");
            foreach (var path in _documents.Keys)
            {
                json.WriteStartObject(path);
                json.WriteString("serverRelativeURL", $"/openapi/v3/{path}?hash={Hash}");
                json.WriteEndObject();
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static byte[] Write(IReadOnlyList<Kind> group)
    {
        var descriptions = Descriptions.Read();
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("openapi", "3.0.0");
            json.WriteStartObject("info");
            json.WriteString("title", "Kubernetes");
            json.WriteString("version", ServerVersion.Git);
            json.WriteEndObject();
            json.WriteStartObject("paths");
            foreach (var kind in group) WritePaths(json, kind);
            json.WriteEndObject();
            json.WriteStartObject("components");
            json.WriteStartObject("schemas");
            foreach (var type in OpenApiV2.Reachable(group)) WriteSchema(json, type, group.FirstOrDefault(kind => kind.Schema == type), descriptions);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static void WritePaths(Utf8JsonWriter json, Kind kind)
    {
        var collection = (kind.Group.Length == 0 ? $"/api/{kind.Version}" : $"/apis/{kind.Group}/{kind.Version}")
            + (kind.Namespaced ? "/namespaces/{namespace}" : "") + "/" + kind.Plural;
        json.WriteStartObject(collection);
        WriteOperation(json, "get", "list", kind, []);
        WriteOperation(json, "post", "post", kind, ["application/json"]);
        json.WriteEndObject();
        json.WriteStartObject(collection + "/{name}");
        WriteOperation(json, "get", "get", kind, []);
        WriteOperation(json, "put", "put", kind, ["application/json"]);
        WriteOperation(json, "patch", "patch", kind, ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"]);
        WriteOperation(json, "delete", "delete", kind, []);
        json.WriteEndObject();
    }

    private static void WriteOperation(Utf8JsonWriter json, string method, string action, Kind kind, string[] bodies)
    {
        json.WriteStartObject(method);
        json.WriteString("x-kubernetes-action", action);
        json.WriteStartObject("x-kubernetes-group-version-kind");
        WriteGroupVersionKind(json, kind);
        json.WriteEndObject();
        if (bodies.Length > 0)
        {
            json.WriteStartArray("parameters");
            foreach (var name in (ReadOnlySpan<string>)["dryRun", "fieldManager", "fieldValidation"]) WriteParameter(json, name);
            json.WriteEndArray();
            json.WriteStartObject("requestBody");
            json.WriteStartObject("content");
            foreach (var body in bodies)
            {
                json.WriteStartObject(body);
                json.WriteStartObject("schema");
                if (method == "patch") json.WriteString("type", "object");
                else json.WriteString("$ref", Reference(kind.Schema));
                json.WriteEndObject();
                json.WriteEndObject();
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteStartObject("responses");
        json.WriteStartObject("200");
        json.WriteString("description", "OK");
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteParameter(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("in", "query");
        json.WriteStartObject("schema");
        json.WriteString("type", "string");
        json.WriteBoolean("uniqueItems", true);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteGroupVersionKind(Utf8JsonWriter json, Kind kind)
    {
        json.WriteString("group", kind.Group);
        json.WriteString("version", kind.Version);
        json.WriteString("kind", kind.Name);
    }

    private static void WriteSchema(Utf8JsonWriter json, SchemaType type, Kind? kind, Descriptions descriptions)
    {
        json.WriteStartObject(NameOf(type));
        if (descriptions.Of(type) is { Length: > 0 } about) json.WriteString("description", about);
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        foreach (var field in type.Fields.Values.OrderBy(field => field.Name, StringComparer.Ordinal))
        {
            json.WriteStartObject(field.Name);
            if (descriptions.Of(type, field) is { Length: > 0 } text) json.WriteString("description", text);
            WriteField(json, field);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        if (kind is not null)
        {
            json.WriteStartArray("x-kubernetes-group-version-kind");
            json.WriteStartObject();
            WriteGroupVersionKind(json, kind);
            json.WriteEndObject();
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteField(Utf8JsonWriter json, SchemaField field)
    {
        if (field.MergeKey is { } key) json.WriteString("x-kubernetes-patch-merge-key", key);
        if (OpenApiV2.Strategy(field) is { Length: > 0 } strategy) json.WriteString("x-kubernetes-patch-strategy", strategy);
        switch (field.Shape)
        {
            case SchemaShape.List:
                json.WriteString("type", "array");
                json.WriteStartObject("items");
                WriteValue(json, field);
                json.WriteEndObject();
                break;
            case SchemaShape.Map:
                json.WriteString("type", "object");
                json.WriteStartObject("additionalProperties");
                WriteValue(json, field);
                json.WriteEndObject();
                break;
            default:
                WriteValue(json, field);
                break;
        }
    }

    private static void WriteValue(Utf8JsonWriter json, SchemaField field)
    {
        if (field.Value == SchemaValue.Texts)
        {
            json.WriteString("type", "array");
            json.WriteStartObject("items");
            json.WriteString("type", "string");
            json.WriteEndObject();
            return;
        }
        if (field.Value == SchemaValue.Struct)
        {
            json.WriteStartArray("allOf");
            json.WriteStartObject();
            json.WriteString("$ref", Reference(field.Type!));
            json.WriteEndObject();
            json.WriteEndArray();
            return;
        }
        var (type, format) = field.Value switch
        {
            SchemaValue.Int32 => ("integer", "int32"),
            SchemaValue.Int64 => ("integer", "int64"),
            SchemaValue.Double => ("number", "double"),
            SchemaValue.Flag => ("boolean", ""),
            SchemaValue.Time or SchemaValue.MicroTime => ("string", "date-time"),
            SchemaValue.Bytes => ("string", "byte"),
            SchemaValue.IntOrString => ("", "int-or-string"),
            SchemaValue.Any => ("object", ""),
            _ => ("string", ""),
        };
        if (type.Length > 0) json.WriteString("type", type);
        if (format.Length > 0) json.WriteString("format", format);
    }

    private static string NameOf(SchemaType type) => "io.k8s." + type.GoName;

    private static string Reference(SchemaType type) => "#/components/schemas/" + NameOf(type);
}
