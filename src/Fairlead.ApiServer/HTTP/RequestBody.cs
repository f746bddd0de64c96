using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Security.Audit;
using Fairlead.Kube.Protobuf;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>Reads bodies: bounded, decoded against the schema, and complained about as fieldValidation asks.</summary>
internal static class RequestBody
{
    /// <summary>As kube-apiserver's limit for JSON.</summary>
    public const int Largest = 3 * 1024 * 1024;

    public static async Task<byte[]> ReadAsync(HttpContext context)
    {
        if (context.Request.ContentLength > Largest) throw ApiError.TooLarge(Largest);
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (read.Buffer.Length > Largest) throw ApiError.TooLarge(Largest);
            if (read.IsCompleted)
            {
                var bytes = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return bytes;
            }
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Reads an object of the kind that the path names.</summary>
    public static async Task<JsonObject> ReadObjectAsync(HttpContext context, Kind kind)
    {
        var json = ToJson(context, await ReadAsync(context), kind.Name, kind.Schema);
        AuditTrail.Of(context)?.Asked(json);
        var obj = Decode(json, kind.Name, kind.ApiVersion, kind.Schema, context);
        if (obj.Text("kind") is { Length: > 0 } name && name != kind.Name)
            throw ApiError.BadRequest($"{name} in version \"{obj.Text("apiVersion")}\" cannot be handled as a {kind.Name}: the object provided is of another kind");
        if (obj.Text("apiVersion") is { Length: > 0 } version && version != kind.ApiVersion)
            throw ApiError.BadRequest($"the API version in the data ({version}) does not match the expected API version ({kind.ApiVersion})");
        return obj;
    }

    /// <summary>Reads an object of a type that is no stored kind: Binding, Scale, DeleteOptions. Without a body it is empty.</summary>
    public static async Task<JsonObject> ReadObjectAsync(HttpContext context, string kind, string schema)
    {
        var type = SchemaTable.Get(schema);
        var body = await ReadAsync(context);
        if (body.Length == 0) return [];
        var json = ToJson(context, body, kind, type);
        AuditTrail.Of(context)?.Asked(json);
        return Decode(json, kind, "v1", type, context);
    }

    /// <summary>The body as JSON, from the form that its content type names.</summary>
    private static byte[] ToJson(HttpContext context, byte[] body, string kind, SchemaType type)
    {
        switch (MediaType(context))
        {
            case "" or "application/json" or "text/json":
                return body;
            case YamlBody.MediaType or "application/x-yaml" or "text/yaml":
                return System.Text.Encoding.UTF8.GetBytes(YamlBody.Read(body)?.ToJsonString() ?? "{}");
            case Envelope.MediaType:
                try
                {
                    return System.Text.Encoding.UTF8.GetBytes(Envelope.Decode(body, type).ToJsonString());
                }
                catch (WireException e)
                {
                    throw ApiError.BadRequest($"{kind} in version \"v1\" cannot be handled as a {kind}: {e.Message}");
                }
            case var other:
                throw ApiError.UnsupportedMediaType(other, $"application/json, {YamlBody.MediaType}, {Envelope.MediaType}");
        }
    }

    public static JsonObject Decode(ReadOnlySpan<byte> body, string kind, string apiVersion, SchemaType schema, HttpContext context, bool isPatched = false)
    {
        var decoder = new ObjectDecoder();
        JsonObject obj;
        try
        {
            obj = decoder.Decode(body, schema);
        }
        catch (DecodeException e)
        {
            throw ApiError.BadRequest($"{kind} in version \"{apiVersion[(apiVersion.IndexOf('/', StringComparison.Ordinal) + 1)..]}\" cannot be handled as a {kind}: {e.Message}");
        }
        Complain(decoder, kind, apiVersion, context, isPatched);
        return obj;
    }

    /// <summary>
    /// What decoding found wrong, by fieldValidation: Strict refuses, Warn (the default) warns, Ignore says nothing
    /// (Kubernetes API concepts: "Field validation").
    /// </summary>
    public static void Complain(ObjectDecoder decoder, string kind, string apiVersion, HttpContext context, bool isPatched = false)
    {
        if (decoder.Complaints.Count == 0) return;
        switch (context.Request.Query.First("fieldValidation"))
        {
            case "Strict" when isPatched:
                throw ApiError.Unprocessable("patch", $"strict decoding error: {string.Join(", ", decoder.Complaints)}");
            case "Strict":
                var version = apiVersion[(apiVersion.IndexOf('/', StringComparison.Ordinal) + 1)..];
                throw ApiError.BadRequest($"{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {string.Join(", ", decoder.Complaints)}");
            case "Ignore":
                return;
            default:
                foreach (var complaint in decoder.Complaints) Warn(context, complaint);
                return;
        }
    }

    /// <summary>Adds a Warning header, which kubectl prints (RFC 7234 section 5.5).</summary>
    public static void Warn(HttpContext context, string text)
    {
        var quoted = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        context.Response.Headers.Append("Warning", $"299 - \"{quoted}\"");
    }

    public static JsonNode ParseJson(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonTree.Parse(body) ?? throw ApiError.BadRequest("the body is null");
        }
        catch (JsonException e)
        {
            throw ApiError.BadRequest($"error decoding patch: {e.Message}");
        }
    }

    public static string MediaType(HttpContext context)
    {
        var type = context.Request.ContentType ?? "";
        var semicolon = type.IndexOf(';', StringComparison.Ordinal);
        return (semicolon < 0 ? type : type[..semicolon]).Trim().ToLowerInvariant();
    }
}
