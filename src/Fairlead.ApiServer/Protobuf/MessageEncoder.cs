using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.Kube.Protobuf;

namespace Fairlead.ApiServer.Protobuf;

/// <summary>Writes an object's JSON as Kubernetes' protobuf message, by the schema table. The object has been decoded: its types are right.</summary>
internal static class MessageEncoder
{
    public static byte[] Encode(JsonObject obj, SchemaType type) => Write(obj, type.Layout).Written.ToArray();

    private static WireWriter Write(JsonObject obj, MessageLayout layout)
    {
        var writer = new WireWriter();
        foreach (var number in layout.Numbers)
        {
            var slot = layout.Slots[number];
            if (slot.Inlined is { } inlined)
            {
                if (Write(obj, inlined).Written is { IsEmpty: false } inner) writer.Bytes(number, inner);
            }
            else if (obj[slot.Field!.Name] is { } value) WriteField(writer, number, slot.Field, value);
        }
        return writer;
    }

    private static void WriteField(WireWriter writer, int number, SchemaField field, JsonNode value)
    {
        switch (value)
        {
            case JsonArray list when field.Shape == SchemaShape.List:
                foreach (var item in list) WriteValue(writer, number, field, item);
                break;
            case JsonObject map when field.Shape == SchemaShape.Map:
                foreach (var (key, item) in map)
                {
                    var entry = new WireWriter();
                    entry.Text(1, key);
                    WriteValue(entry, 2, field, item);
                    writer.Bytes(number, entry.Written);
                }
                break;
            default:
                WriteValue(writer, number, field, value);
                break;
        }
    }

    private static void WriteValue(WireWriter writer, int number, SchemaField field, JsonNode? value)
    {
        switch (field.Value)
        {
            case SchemaValue.Text:
                writer.Text(number, value.Text() ?? "");
                break;
            case SchemaValue.Int32 or SchemaValue.Int64:
                writer.Number(number, value.Number() ?? 0);
                break;
            case SchemaValue.Flag:
                writer.Number(number, value.Flag() == true ? 1 : 0);
                break;
            case SchemaValue.Double:
                writer.Double(number, value!.GetValue<double>());
                break;
            case SchemaValue.Bytes:
                writer.Bytes(number, Convert.FromBase64String(value.Text() ?? ""));
                break;
            default:
                writer.Bytes(number, Message(field, value).Written);
                break;
        }
    }

    private static WireWriter Message(SchemaField field, JsonNode? value)
    {
        var message = new WireWriter();
        switch (field.Value)
        {
            case SchemaValue.Time or SchemaValue.MicroTime:
                var at = DateTimeOffset.Parse(value.Text() ?? "", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
                message.Number(1, at.ToUnixTimeSeconds());
                message.Number(2, at.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick);
                break;
            case SchemaValue.Quantity:
                message.Text(1, value.Text() ?? "0");
                break;
            case SchemaValue.IntOrString:
                message.Number(1, value.Text() is null ? 0 : 1);
                message.Number(2, value.Number() ?? 0);
                message.Text(3, value.Text() ?? "");
                break;
            case SchemaValue.Texts:
                foreach (var item in value.Array() ?? []) message.Text(1, item.Text() ?? "");
                break;
            case SchemaValue.Any:
                message.Bytes(1, Encoding.UTF8.GetBytes(value?.ToJsonString() ?? "null"));
                break;
            default:
                return Write(value as JsonObject ?? [], field.Type!.Layout);
        }
        return message;
    }
}
