using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.Kube.Protobuf;

namespace Fairlead.ApiServer.Protobuf;

/// <summary>
/// What Kubernetes sends as <c>application/vnd.kubernetes.protobuf</c>: four magic bytes and a runtime.Unknown message with
/// the object's apiVersion and kind (1) and its own message (2). (Kubernetes API concepts: "Kubernetes Protobuf encoding".)
/// </summary>
internal static class Envelope
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";

    private static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    /// <summary>The JSON of the object within.</summary>
    /// <exception cref="WireException">The bytes are not such an envelope, or hold no such object.</exception>
    public static JsonObject Decode(ReadOnlySpan<byte> body, SchemaType type)
    {
        if (!body.StartsWith(Magic)) throw new WireException("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
        ReadOnlySpan<byte> raw = default;
        string apiVersion = "", kind = "";
        var reader = new WireReader(body[Magic.Length..]);
        while (reader.Next(out var number, out var wire))
        {
            if (wire != WireType.Bytes) reader.Skip(wire);
            else if (number == 1)
            {
                var meta = reader.Bytes();
                apiVersion = MessageDecoder.Texts(meta, 1).LastOrDefault("");
                kind = MessageDecoder.Texts(meta, 2).LastOrDefault("");
            }
            else if (number == 2) raw = reader.Bytes();
            else reader.Bytes();
        }
        var obj = new JsonObject();
        if (apiVersion.Length > 0) obj["apiVersion"] = apiVersion;
        if (kind.Length > 0) obj["kind"] = kind;
        foreach (var (name, value) in MessageDecoder.Decode(raw, type).ToList()) obj[name] = value?.DeepClone();
        return obj;
    }

    public static byte[] Encode(JsonObject obj, SchemaType type) => Wrap(obj, MessageEncoder.Encode(obj, type));

    /// <param name="list">A list as JSON: metadata and items of the type.</param>
    public static byte[] EncodeList(JsonObject list, SchemaType type)
    {
        var message = new WireWriter();
        message.Bytes(1, MessageEncoder.Encode(list.Object("metadata") ?? [], SchemaTable.Get("V1ListMeta")));
        foreach (var (_, item) in list.Items("items")) message.Bytes(2, MessageEncoder.Encode(item, type));
        return Wrap(list, message.Written);
    }

    /// <summary>
    /// One event of a watch as it goes over the wire: its length in four bytes, most significant first, and a WatchEvent
    /// with type (1) and, in a RawExtension (2), the object's envelope (1).
    /// </summary>
    public static byte[] EncodeWatchEvent(string type, ReadOnlySpan<byte> envelope)
    {
        var raw = new WireWriter();
        raw.Bytes(1, envelope);
        var message = new WireWriter();
        message.Text(1, type);
        message.Bytes(2, raw.Written);
        var frame = new byte[4 + message.Written.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, message.Written.Length);
        message.Written.CopyTo(frame.AsSpan(4));
        return frame;
    }

    private static byte[] Wrap(JsonObject obj, ReadOnlySpan<byte> message)
    {
        var meta = new WireWriter();
        meta.Text(1, obj.Text("apiVersion") ?? "");
        meta.Text(2, obj.Text("kind") ?? "");
        var unknown = new WireWriter();
        unknown.Raw(Magic);
        unknown.Bytes(1, meta.Written);
        unknown.Bytes(2, message);
        return unknown.Written.ToArray();
    }
}
