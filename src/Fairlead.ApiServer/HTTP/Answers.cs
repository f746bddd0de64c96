using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security.Audit;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>Writes answers as Kubernetes does: JSON, or protobuf where nothing else is accepted, with refusals as a Status.</summary>
internal static class Answers
{
    public const string Json = "application/json";

    public static Task WriteErrorAsync(HttpContext context, ApiError error)
    {
        if (error.Code == 429 || error.Code == 503) context.Response.Headers.RetryAfter = "1";
        AuditTrail.Of(context)?.Refused(error);
        return WriteAsync(context, error.Code, error.ToStatus());
    }

    /// <summary>Whether the client accepts nothing that is JSON, so that an answer has to be built from its tree.</summary>
    public static bool IsTranscoded(HttpContext context) => ProtobufAnswer.IsWanted(context) || YamlBody.IsWanted(context) || PrettyJson.IsWanted(context);

    /// <summary>Whether a client asks for this form and would not take JSON.</summary>
    public static bool AcceptsOnly(HttpContext context, string mediaType)
    {
        var accept = context.Request.Headers.Accept.ToString();
        return accept.Contains(mediaType, StringComparison.Ordinal) && !accept.Contains("json", StringComparison.Ordinal) && !accept.Contains("*/*", StringComparison.Ordinal);
    }

    /// <summary>Whether a client takes nothing but another form of the object, as a Table, which what is not kept does not have.</summary>
    public static bool TakesOnlyForms(HttpContext context) =>
        context.Request.Headers.Accept.ToString().Split(',').All(accepted => accepted.Contains("as=", StringComparison.Ordinal));

    public static Task WriteAsync(HttpContext context, int code, JsonNode body)
    {
        if (body is JsonObject obj && ProtobufAnswer.IsWanted(context)) return WriteAsync(context, code, ProtobufAnswer.Encode(obj), Envelope.MediaType);
        if (YamlBody.IsWanted(context)) return WriteAsync(context, code, YamlBody.Write(body), YamlBody.MediaType);
        return WriteAsync(context, code, Encoding.UTF8.GetBytes(body.ToText()));
    }

    public static Task WriteAsync(HttpContext context, int code, StoredObject obj) =>
        IsTranscoded(context) ? WriteAsync(context, code, obj.ToTree()) : WriteAsync(context, code, obj.Json);

    public static async Task WriteAsync(HttpContext context, int code, ReadOnlyMemory<byte> body, string contentType = Json)
    {
        if (contentType == Json && PrettyJson.IsWanted(context)) body = PrettyJson.Write(body);
        context.Response.StatusCode = code;
        context.Response.ContentType = contentType;
        if (HttpMethods.IsHead(context.Request.Method) || !Compression.IsWanted(context, body.Length))
        {
            context.Response.ContentLength = body.Length;
            if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
            return;
        }
        var writer = Compression.BodyOf(context, body.Length);
        await writer.WriteAsync(body, context.RequestAborted);
        await writer.CompleteAsync();
    }

    public static Task WriteTextAsync(HttpContext context, int code, string text) =>
        WriteAsync(context, code, Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8");

    /// <summary>The Status that tells of a deletion.</summary>
    public static JsonObject Deleted(Kind kind, StoredObject obj)
    {
        var details = new JsonObject { ["name"] = obj.Name };
        if (kind.Group.Length > 0) details["group"] = kind.Group;
        details["kind"] = kind.Plural;
        details["uid"] = obj.Uid;
        return Success(details);
    }

    public static JsonObject Success(JsonObject? details = null)
    {
        var status = new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success" };
        if (details is not null) status["details"] = details;
        return status;
    }
}
