using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// Answers in protobuf, to those alone who accept nothing else: objects are kept as JSON, which every client that also
/// accepts JSON gets without a conversion.
/// </summary>
internal static class ProtobufAnswer
{
    public static bool IsWanted(HttpContext context) => Answers.AcceptsOnly(context, Envelope.MediaType);

    /// <summary>The object or list as a protobuf body.</summary>
    /// <exception cref="ApiError">406: there is no such message for it.</exception>
    public static byte[] Encode(JsonObject body)
    {
        var kind = body.Text("kind") ?? "";
        if (kind.EndsWith("List", StringComparison.Ordinal) && TypeOf(kind[..^4], body) is { } item) return Envelope.EncodeList(body, item);
        return TypeOf(kind, body) is { } type ? Envelope.Encode(body, type) : throw ApiError.NotAcceptable();
    }

    private static SchemaType? TypeOf(string kind, JsonObject body) => (kind, body.Text("apiVersion")) switch
    {
        ("Event", "v1") => SchemaTable.Get("Corev1Event"),
        ("Event", _) => SchemaTable.Get("Eventsv1Event"),
        (_, [.., 'b', 'e', 't', 'a', '1']) => SchemaTable.Find("V1beta1" + kind) ?? SchemaTable.Find("V1" + kind),
        ("TokenRequest", _) => SchemaTable.Get("Authenticationv1TokenRequest"),
        _ => SchemaTable.Find("V1" + kind),
    };
}
