using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Json;

/// <summary>Short, forgiving reads of a decoded object: a missing or null step answers null. Types were checked by the schema.</summary>
internal static class JsonAccess
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            if (node is not JsonObject obj || !obj.TryGetPropertyValue(step, out node)) return null;
        }
        return node;
    }

    public static string? Text(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;

    public static long? Number(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetLong(out var number) ? number : null;

    public static bool? Flag(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.GetValueKind() is JsonValueKind.True or JsonValueKind.False ? value.GetValueKind() == JsonValueKind.True : null;

    public static JsonObject? Object(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonObject;

    public static JsonArray? Array(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonArray;

    /// <summary>The objects of a list, with their index; nulls are passed over.</summary>
    public static IEnumerable<(int Index, JsonObject Item)> Items(this JsonNode? node, params ReadOnlySpan<string> path) =>
        ItemsOf(node.Array(path));

    private static IEnumerable<(int Index, JsonObject Item)> ItemsOf(JsonArray? array)
    {
        if (array is null) yield break;
        for (var i = 0; i < array.Count; i++)
        {
            if (array[i] is JsonObject item) yield return (i, item);
        }
    }

    /// <summary>The strings of a list.</summary>
    public static IEnumerable<string> Texts(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        var array = node.Array(path);
        return array is null ? [] : array.Select(item => item.Text()).OfType<string>();
    }

    /// <summary>A list of strings.</summary>
    public static JsonArray ToJsonArray(this IEnumerable<string> texts) => new([.. texts.Select(text => JsonValue.Create(text))]);

    /// <summary>The JSON text as Kubernetes writes it: nothing is escaped that need not be.</summary>
    public static string ToText(this JsonNode node) => node.ToJsonString(Relaxed);

    /// <summary>The child object of that name, made where it is missing.</summary>
    public static JsonObject Child(this JsonObject obj, string name)
    {
        if (obj.TryGetPropertyValue(name, out var found) && found is JsonObject child) return child;
        child = [];
        obj[name] = child;
        return child;
    }

    /// <summary>Sets the value where the name is missing or null.</summary>
    public static void SetDefault(this JsonObject obj, string name, JsonNode value)
    {
        if (!obj.TryGetPropertyValue(name, out var found) || found is null) obj[name] = value;
    }

    public static bool IsMissing(this JsonObject obj, string name) => !obj.TryGetPropertyValue(name, out var found) || found is null;

    /// <summary>The whole number in a JSON number, however it was written or built.</summary>
    public static bool TryGetLong(this JsonValue value, [NotNullWhen(true)] out long number)
    {
        if (value.TryGetValue(out number)) return true;
        if (value.TryGetValue(out int small))
        {
            number = small;
            return true;
        }
        number = 0;
        return false;
    }
}
