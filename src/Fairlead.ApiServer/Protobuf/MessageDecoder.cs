using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.Kube.Protobuf;

namespace Fairlead.ApiServer.Protobuf;

/// <summary>
/// Reads Kubernetes' protobuf messages into the JSON that the same object has, by the schema table: one transcoder for all
/// kinds. Numbers that the table does not know are passed over, as protobuf asks.
/// </summary>
internal static class MessageDecoder
{
    private const int DeepestNesting = 100;
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    /// <exception cref="WireException">The bytes are not such a message.</exception>
    public static JsonObject Decode(ReadOnlySpan<byte> message, SchemaType type) => ReadStruct(message, type, 0);

    private static JsonObject ReadStruct(ReadOnlySpan<byte> message, SchemaType type, int depth)
    {
        if (depth > DeepestNesting) throw new WireException("exceeded max depth");
        var obj = new JsonObject();
        Fill(obj, message, type.Layout, depth);
        return obj;
    }

    private static void Fill(JsonObject obj, ReadOnlySpan<byte> message, MessageLayout layout, int depth)
    {
        var reader = new WireReader(message);
        while (reader.Next(out var number, out var wire))
        {
            if (!layout.Slots.TryGetValue(number, out var slot)) reader.Skip(wire);
            else if (slot.Inlined is { } inlined) Fill(obj, Message(ref reader, wire), inlined, depth);
            else ReadField(obj, slot.Field!, ref reader, wire, depth);
        }
    }

    private static void ReadField(JsonObject obj, SchemaField field, ref WireReader reader, WireType wire, int depth)
    {
        switch (field.Shape)
        {
            case SchemaShape.List:
                if (obj[field.Name] is not JsonArray list) obj[field.Name] = list = [];
                if (wire == WireType.Bytes && field.Value is SchemaValue.Int32 or SchemaValue.Int64) ReadPacked(list, reader.Bytes());
                else list.Add(ReadValue(field, ref reader, wire, depth));
                break;
            case SchemaShape.Map:
                if (obj[field.Name] is not JsonObject map) obj[field.Name] = map = [];
                ReadEntry(map, field, Message(ref reader, wire), depth);
                break;
            default:
                obj[field.Name] = ReadValue(field, ref reader, wire, depth);
                break;
        }
    }

    private static void ReadPacked(JsonArray list, ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        while (!reader.AtEnd) list.Add((JsonNode)(long)reader.Varint());
    }

    private static void ReadEntry(JsonObject map, SchemaField field, ReadOnlySpan<byte> entry, int depth)
    {
        var key = "";
        JsonNode? value = null;
        var reader = new WireReader(entry);
        while (reader.Next(out var number, out var wire))
        {
            if (number == 1) key = Text(Message(ref reader, wire));
            else if (number == 2) value = ReadValue(field, ref reader, wire, depth);
            else reader.Skip(wire);
        }
        map[key] = value ?? Zero(field.Value);
    }

    /// <summary>A map's value that is left out is its type's zero value.</summary>
    private static JsonNode Zero(SchemaValue value) => value switch
    {
        SchemaValue.Struct => new JsonObject(),
        SchemaValue.Texts => new JsonArray(),
        SchemaValue.Int32 or SchemaValue.Int64 => 0,
        SchemaValue.Flag => false,
        SchemaValue.Quantity => "0",
        _ => "",
    };

    private static JsonNode? ReadValue(SchemaField field, ref WireReader reader, WireType wire, int depth) => field.Value switch
    {
        SchemaValue.Text => JsonValue.Create(Text(Message(ref reader, wire))),
        SchemaValue.Int32 or SchemaValue.Int64 => JsonValue.Create((long)Varint(ref reader, wire)),
        SchemaValue.Flag => JsonValue.Create(Varint(ref reader, wire) != 0),
        SchemaValue.Double => JsonValue.Create(reader.Double(wire)),
        SchemaValue.Bytes => JsonValue.Create(Convert.ToBase64String(Message(ref reader, wire))),
        SchemaValue.Time or SchemaValue.MicroTime => Time(Message(ref reader, wire), field.Value),
        SchemaValue.Quantity => JsonValue.Create(Texts(Message(ref reader, wire), 1).LastOrDefault("0")),
        SchemaValue.IntOrString => IntOrString(Message(ref reader, wire)),
        SchemaValue.Texts => Texts(Message(ref reader, wire), 1).ToJsonArray(),
        SchemaValue.Any => Json(Message(ref reader, wire)),
        _ => ReadStruct(Message(ref reader, wire), field.Type!, depth + 1),
    };

    /// <summary>A zero time is an empty message to Kubernetes, and null in JSON.</summary>
    private static JsonValue? Time(ReadOnlySpan<byte> message, SchemaValue value)
    {
        if (message.IsEmpty) return null;
        long seconds = 0, nanos = 0;
        var reader = new WireReader(message);
        while (reader.Next(out var number, out var wire))
        {
            if (number == 1) seconds = (long)Varint(ref reader, wire);
            else if (number == 2) nanos = (long)Varint(ref reader, wire);
            else reader.Skip(wire);
        }
        if (seconds < DateTimeOffset.MinValue.ToUnixTimeSeconds() || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds() || nanos is < 0 or > 999_999_999)
            throw new WireException("the time is out of range");
        var at = DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanos / TimeSpan.NanosecondsPerTick);
        return JsonValue.Create(Timestamp.Format(at, value == SchemaValue.MicroTime));
    }

    private static JsonValue IntOrString(ReadOnlySpan<byte> message)
    {
        long type = 0, number = 0;
        var text = "";
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var wire))
        {
            if (field == 1) type = (long)Varint(ref reader, wire);
            else if (field == 2) number = (int)Varint(ref reader, wire);
            else if (field == 3) text = Text(Message(ref reader, wire));
            else reader.Skip(wire);
        }
        return type == 1 ? JsonValue.Create(text) : JsonValue.Create(number);
    }

    private static JsonNode? Json(ReadOnlySpan<byte> message)
    {
        var reader = new WireReader(message);
        JsonNode? json = null;
        while (reader.Next(out var number, out var wire))
        {
            if (number != 1) reader.Skip(wire);
            else
            {
                try
                {
                    json = JsonTree.Parse(Message(ref reader, wire));
                }
                catch (JsonException e)
                {
                    throw new WireException(e.Message);
                }
            }
        }
        return json;
    }

    /// <summary>All values of a string field.</summary>
    internal static List<string> Texts(ReadOnlySpan<byte> message, int wanted)
    {
        var texts = new List<string>();
        var reader = new WireReader(message);
        while (reader.Next(out var number, out var wire))
        {
            if (number == wanted) texts.Add(Text(Message(ref reader, wire)));
            else reader.Skip(wire);
        }
        return texts;
    }

    private static ulong Varint(ref WireReader reader, WireType wire) =>
        wire == WireType.Varint ? reader.Varint() : throw new WireException(string.Create(CultureInfo.InvariantCulture, $"proto: wrong wireType = {(int)wire}"));

    private static ReadOnlySpan<byte> Message(ref WireReader reader, WireType wire) =>
        wire == WireType.Bytes ? reader.Bytes() : throw new WireException(string.Create(CultureInfo.InvariantCulture, $"proto: wrong wireType = {(int)wire}"));

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new WireException("string field contains invalid UTF-8");
        }
    }
}
