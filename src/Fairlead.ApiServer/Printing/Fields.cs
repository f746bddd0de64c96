using System.Globalization;
using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Forgiving reads of an object's JSON: a missing or null step is an absent value.</summary>
internal static class Fields
{
    public const string None = "<none>";
    public const string Unknown = "<unknown>";

    public static JsonElement? At(this JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(step, out element)) return null;
        }
        return element.ValueKind == JsonValueKind.Null ? null : element;
    }

    /// <summary>Empty where the value is absent or no string.</summary>
    public static string Text(this JsonElement element, params ReadOnlySpan<string> path) =>
        element.At(path) is { ValueKind: JsonValueKind.String } found ? found.GetString()! : "";

    public static long Number(this JsonElement element, params ReadOnlySpan<string> path) =>
        element.At(path) is { ValueKind: JsonValueKind.Number } found && found.TryGetInt64(out var number) ? number : 0;

    public static bool Flag(this JsonElement element, params ReadOnlySpan<string> path) => element.At(path) is { ValueKind: JsonValueKind.True };

    /// <summary>Null where there is no such time.</summary>
    public static DateTimeOffset? Time(this JsonElement element, params ReadOnlySpan<string> path) =>
        DateTimeOffset.TryParse(element.Text(path), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    public static IEnumerable<JsonElement> List(this JsonElement element, params ReadOnlySpan<string> path) =>
        element.At(path) is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray() : [];

    public static IEnumerable<JsonProperty> Members(this JsonElement element, params ReadOnlySpan<string> path) =>
        element.At(path) is { ValueKind: JsonValueKind.Object } map ? map.EnumerateObject() : [];

    /// <summary><c>a=b,c=d</c> in order of the keys, or <c>&lt;none&gt;</c>.</summary>
    public static string Labels(this JsonElement element, params ReadOnlySpan<string> path)
    {
        var pairs = element.Members(path).OrderBy(pair => pair.Name, StringComparer.Ordinal).Select(pair => $"{pair.Name}={pair.Value.GetString()}");
        return string.Join(',', pairs).Or(None);
    }

    public static string Or(this string text, string otherwise) => text.Length == 0 ? otherwise : text;

    public static string Name(this JsonElement obj) => obj.Text("metadata", "name");

    /// <summary>How long ago the object was created.</summary>
    public static string Age(this JsonElement obj, DateTimeOffset now) => HumanDuration.Since(obj.Time("metadata", "creationTimestamp"), now);

    /// <summary>At most three of the items, and how many more there are.</summary>
    public static string FirstThree(IReadOnlyCollection<string> items)
    {
        const int Most = 3;
        var shown = string.Join(',', items.Take(Most));
        return items.Count > Most ? $"{shown} + {items.Count - Most} more..." : shown;
    }
}
