using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Schema;

/// <summary>The body is not an object of its kind; the message is Kubernetes' (<c>json: cannot unmarshal string into …</c>).</summary>
internal sealed class DecodeException(string message) : Exception(message);

/// <summary>
/// Decodes a body against the schema, as the API server's typed decoder does: fields that the kind does not have and
/// duplicates are left out and listed for strict validation, nulls are left out, as is what is zero or empty where that is
/// the same as missing, and a value of the wrong type is an error.
/// </summary>
internal sealed class ObjectDecoder
{
        private readonly List<string> _complaints = [];
    private readonly List<string> _path = [];

    /// <summary><c>unknown field "spec.foo"</c> and <c>duplicate field "spec.type"</c>, in the order met.</summary>
    public IReadOnlyList<string> Complaints => _complaints;

    /// <exception cref="DecodeException">The body is not JSON, or a value has the wrong type.</exception>
    public JsonObject Decode(ReadOnlySpan<byte> utf8, SchemaType type)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = JsonTree.Deepest });
        try
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw new DecodeException($"json: cannot unmarshal {TokenName(reader.TokenType)} into Go value of type {type.GoName}");
            var obj = ReadStruct(ref reader, type);
            if (reader.Read()) throw new DecodeException("invalid character after top-level value");
            return obj;
        }
        catch (JsonException e)
        {
            throw new DecodeException(e.Message);
        }
    }

    /// <summary>Decodes what a patch made of an object, which is a tree already.</summary>
    public JsonObject Decode(JsonObject tree, SchemaType type) =>
        Decode(System.Text.Encoding.UTF8.GetBytes(tree.ToJsonString()), type);

    private JsonObject ReadStruct(ref Utf8JsonReader reader, SchemaType type)
    {
        var obj = new JsonObject();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = JsonTree.Text(ref reader);
            reader.Read();
            _path.Add(_path.Count == 0 ? name : "." + name);
            if (!type.Fields.TryGetValue(name, out var field))
            {
                _complaints.Add($"unknown field \"{Path}\"");
                reader.Skip();
            }
            else
            {
                if (obj.ContainsKey(name)) _complaints.Add($"duplicate field \"{Path}\"");
                if (ReadField(ref reader, field, type) is { } value && (field.KeptWhenZero || !IsZero(field, value))) obj[name] = value;
            }
            _path.RemoveAt(_path.Count - 1);
        }
        return obj;
    }

    private JsonNode? ReadField(ref Utf8JsonReader reader, SchemaField field, SchemaType owner)
    {
        if (reader.TokenType == JsonTokenType.Null) return null;
        return field.Shape switch
        {
            SchemaShape.List => ReadList(ref reader, field, owner),
            SchemaShape.Map => ReadMap(ref reader, field, owner),
            _ => ReadValue(ref reader, field, owner),
        };
    }

    private JsonArray ReadList(ref Utf8JsonReader reader, SchemaField field, SchemaType owner)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw WrongType(ref reader, "[]" + GoType(field), owner);
        var list = new JsonArray();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            _path.Add($"[{list.Count}]");
            list.Add(reader.TokenType == JsonTokenType.Null ? null : ReadValue(ref reader, field, owner));
            _path.RemoveAt(_path.Count - 1);
        }
        return list;
    }

    private JsonObject ReadMap(ref Utf8JsonReader reader, SchemaField field, SchemaType owner)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw WrongType(ref reader, "map[string]" + GoType(field), owner);
        var map = new JsonObject();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var key = JsonTree.Text(ref reader);
            reader.Read();
            _path.Add("." + key);
            if (map.ContainsKey(key)) _complaints.Add($"duplicate field \"{Path}\"");
            map[key] = reader.TokenType == JsonTokenType.Null ? Nothing(field.Value) : ReadValue(ref reader, field, owner);
            _path.RemoveAt(_path.Count - 1);
        }
        return map;
    }

    /// <summary>What Go makes of null where a map holds values: the zero of their type.</summary>
    private static JsonNode? Nothing(SchemaValue value) => value switch
    {
        SchemaValue.Text or SchemaValue.Bytes => "",
        SchemaValue.Quantity => "0",
        SchemaValue.Struct => new JsonObject(),
        SchemaValue.Int32 or SchemaValue.Int64 or SchemaValue.IntOrString or SchemaValue.Double => 0,
        SchemaValue.Flag => false,
        _ => null,
    };

    private JsonNode? ReadValue(ref Utf8JsonReader reader, SchemaField field, SchemaType owner)
    {
        switch (field.Value)
        {
            case SchemaValue.Struct when reader.TokenType == JsonTokenType.StartObject:
                return ReadStruct(ref reader, field.Type!);
            case SchemaValue.Any or SchemaValue.Texts:
                return JsonTree.Read(ref reader);
            case SchemaValue.Text or SchemaValue.IntOrString or SchemaValue.Quantity when reader.TokenType == JsonTokenType.String:
                return ReadText(ref reader, field);
            case SchemaValue.Bytes when reader.TokenType == JsonTokenType.String:
                if (!reader.TryGetBytesFromBase64(out _)) throw new DecodeException("illegal base64 data at input byte 0");
                return JsonValue.Create(JsonTree.Text(ref reader));
            case SchemaValue.Time or SchemaValue.MicroTime when reader.TokenType == JsonTokenType.String:
                return ReadTime(ref reader, field.Value);
            case SchemaValue.Flag when reader.TokenType is JsonTokenType.True or JsonTokenType.False:
                return JsonValue.Create(reader.GetBoolean());
            case SchemaValue.Int32 or SchemaValue.Int64 or SchemaValue.IntOrString or SchemaValue.Double or SchemaValue.Quantity
                when reader.TokenType == JsonTokenType.Number:
                return ReadNumber(ref reader, field, owner);
            default:
                throw WrongType(ref reader, GoType(field), owner);
        }
    }

    private static JsonValue ReadText(ref Utf8JsonReader reader, SchemaField field)
    {
        var text = JsonTree.Text(ref reader);
        if (field.Value == SchemaValue.Quantity && !Quantity.IsValid(text)) throw new DecodeException(Quantity.Rule);
        return JsonValue.Create(text);
    }

    /// <summary>As Kubernetes keeps it: in UTC, to the second or to the microsecond.</summary>
    private static JsonValue ReadTime(ref Utf8JsonReader reader, SchemaValue value)
    {
        var text = JsonTree.Text(ref reader);
        if (!Timestamp.TryParse(text, out var at))
            throw new DecodeException($"parsing time \"{text}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"{text}\" as \"2006\"");
        return JsonValue.Create(Timestamp.Format(at, value == SchemaValue.MicroTime));
    }

    /// <summary>Objects are never zero: <c>emptyDir: {}</c> says something.</summary>
    private static bool IsZero(SchemaField field, JsonNode value) => value switch
    {
        JsonArray list => list.Count == 0,
        JsonObject map => field.Shape == SchemaShape.Map && map.Count == 0,
        _ => field.Shape == SchemaShape.Single && value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>().Length == 0,
            JsonValueKind.False => true,
            JsonValueKind.Number => value.AsValue().TryGetLong(out var number) && number == 0,
            _ => false,
        },
    };

    private JsonValue ReadNumber(ref Utf8JsonReader reader, SchemaField field, SchemaType owner)
    {
        if (field.Value == SchemaValue.Double) return double.IsFinite(reader.GetDouble()) ? JsonValue.Create(reader.GetDouble()) : throw WrongType(ref reader, GoType(field), owner);
        if (field.Value == SchemaValue.Quantity) return JsonValue.Create(System.Text.Encoding.UTF8.GetString(reader.ValueSpan));
        if (!reader.TryGetInt64(out var number)) throw WrongType(ref reader, GoType(field), owner);
        if (field.Value != SchemaValue.Int64 && number is < int.MinValue or > int.MaxValue) throw WrongType(ref reader, GoType(field), owner);
        return JsonValue.Create(number);
    }

    private string Path => string.Concat(_path);

    private DecodeException WrongType(ref Utf8JsonReader reader, string goType, SchemaType owner)
    {
        var where = string.Concat(_path.Where(step => step[0] != '['));
        var what = reader.TokenType == JsonTokenType.Number ? $"number {System.Text.Encoding.UTF8.GetString(reader.ValueSpan)}" : TokenName(reader.TokenType);
        if (reader.TokenType == JsonTokenType.Number && goType is "string") what = "number";
        return new DecodeException($"json: cannot unmarshal {what} into Go struct field {owner.GoName}.{where} of type {goType}");
    }

    private static string TokenName(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "object",
        JsonTokenType.StartArray => "array",
        JsonTokenType.String => "string",
        JsonTokenType.Number => "number",
        JsonTokenType.True or JsonTokenType.False => "bool",
        _ => "null",
    };

    private static string GoType(SchemaField field) => field.Value switch
    {
        SchemaValue.Text => "string",
        SchemaValue.Int32 => "int32",
        SchemaValue.Int64 => "int64",
        SchemaValue.Double => "float64",
        SchemaValue.Flag => "bool",
        SchemaValue.Time => "v1.Time",
        SchemaValue.MicroTime => "v1.MicroTime",
        SchemaValue.Bytes => "[]uint8",
        SchemaValue.Quantity => "resource.Quantity",
        SchemaValue.IntOrString => "intstr.IntOrString",
        SchemaValue.Texts => "[]string",
        _ => field.Type is { } type ? "v1." + type.GoName : "interface {}",
    };
}
