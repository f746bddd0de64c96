using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Json;

/// <summary>
/// Reads what strangers send into a tree whose every part is read: JsonNode.Parse puts that off, and then throws for two fields of one
/// name and for half a surrogate when somebody looks. Of two fields of one name the last counts, as in Go.
/// </summary>
internal static class JsonTree
{
    public const int Deepest = 100;

    /// <exception cref="JsonException">It is no JSON, or nested too deeply.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = Deepest });
        if (!reader.Read()) throw new JsonException("unexpected end of JSON input");
        var tree = Read(ref reader);
        return reader.Read() ? throw new JsonException("invalid character after top-level value") : tree;
    }

    /// <summary>The value at which the reader stands.</summary>
    /// <exception cref="JsonException">As of <see cref="Parse"/>.</exception>
    public static JsonNode? Read(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var obj = new JsonObject();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = Text(ref reader);
                    reader.Read();
                    obj[name] = Read(ref reader);
                }
                return obj;
            case JsonTokenType.StartArray:
                var array = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) array.Add(Read(ref reader));
                return array;
            case JsonTokenType.String:
                return JsonValue.Create(Text(ref reader));
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var number) ? JsonValue.Create(number) : Real(ref reader);
            case JsonTokenType.True or JsonTokenType.False:
                return JsonValue.Create(reader.GetBoolean());
            default:
                return null;
        }
    }

    /// <exception cref="JsonException">It is no Unicode.</exception>
    public static string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("invalid UTF-8 or half a surrogate in a string", e);
        }
    }

    private static JsonValue Real(ref Utf8JsonReader reader)
    {
        if (reader.TryGetDecimal(out var exact)) return JsonValue.Create(exact);
        var real = reader.GetDouble();
        return double.IsFinite(real) ? JsonValue.Create(real) : throw new JsonException("a number is out of range");
    }
}
