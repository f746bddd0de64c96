using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>A label selector in the form that <c>kubectl get -l</c> takes.</summary>
internal static class SelectorText
{
    /// <summary>As tables show it.</summary>
    public static string Of(JsonElement obj, params ReadOnlySpan<string> path) => (obj.At(path) is { } selector ? Query(selector) : "").Or(Fields.None);

    /// <param name="selector">Of the form of apps/v1 (matchLabels, matchExpressions) or a plain map; empty text where it says nothing.</param>
    public static string Query(JsonElement selector)
    {
        if (selector.ValueKind != JsonValueKind.Object) return "";
        var isMap = selector.EnumerateObject().All(member => member.Value.ValueKind == JsonValueKind.String);
        var labels = isMap ? selector.EnumerateObject() : selector.Members("matchLabels");
        var pairs = labels.Select(pair => (Key: pair.Name, Text: $"{pair.Name}={pair.Value.GetString()}"));
        var expressions = selector.List("matchExpressions").Select(expression => (Key: expression.Text("key"), Text: Expression(expression)));
        return string.Join(',', pairs.Concat(expressions).OrderBy(part => part.Key, StringComparer.Ordinal).Select(part => part.Text));
    }

    private static string Expression(JsonElement expression)
    {
        var key = expression.Text("key");
        var values = string.Join(',', expression.List("values").Select(value => value.GetString()).Order(StringComparer.Ordinal));
        return expression.Text("operator") switch
        {
            "In" => $"{key} in ({values})",
            "NotIn" => $"{key} notin ({values})",
            "DoesNotExist" => $"!{key}",
            _ => key,
        };
    }
}
