using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources;
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
        return WriteAsync(context, error.Code, error.ToStatus());
    }

    public static Task WriteAsync(HttpContext context, int code, JsonNode body) => body is JsonObject obj && ProtobufAnswer.IsWanted(context)
        ? WriteAsync(context, code, ProtobufAnswer.Encode(obj), Envelope.MediaType)
        : WriteAsync(context, code, Encoding.UTF8.GetBytes(body.ToJsonString()));

    public static Task WriteAsync(HttpContext context, int code, StoredObject obj) =>
        ProtobufAnswer.IsWanted(context) ? WriteAsync(context, code, obj.ToTree()) : WriteAsync(context, code, obj.Json);

    public static async Task WriteAsync(HttpContext context, int code, ReadOnlyMemory<byte> body, string contentType = Json)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
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
