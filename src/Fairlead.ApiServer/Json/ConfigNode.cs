using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Json;

/// <summary>
/// A part of a configuration file, read strictly: what is wrong with it is gathered, each with its place, so that one look tells all.
/// </summary>
/// <param name="path">Where it stands in the file, for example <c>rules[0]</c>; empty: the whole.</param>
internal sealed class ConfigNode(JsonObject node, string path, List<string> errors)
{
    public string Path => path;

    public bool Has(string name) => node[name] is not null;

    public void Wrong(string name, string why) => errors.Add($"{Join(path, name)}: {why}");

    /// <summary>All other fields are wrong.</summary>
    public ConfigNode Only(params ReadOnlySpan<string> names)
    {
        foreach (var (name, _) in node)
        {
            if (!names.Contains(name)) Wrong(name, $"unknown field; there are {string.Join(", ", names.ToArray())}");
        }
        return this;
    }

    /// <summary>Empty where it is missing.</summary>
    public string Text(string name)
    {
        if (node[name] is not { } value) return "";
        if (value is JsonValue && value.GetValueKind() == JsonValueKind.String) return value.GetValue<string>();
        Wrong(name, "must be a string");
        return "";
    }

    public bool Flag(string name, bool otherwise)
    {
        if (node[name] is not { } value) return otherwise;
        if (value.GetValueKind() is JsonValueKind.True or JsonValueKind.False) return value.GetValueKind() == JsonValueKind.True;
        Wrong(name, "must be true or false");
        return otherwise;
    }

    public IReadOnlyList<string> Texts(string name)
    {
        if (node[name] is not { } value) return [];
        if (value is JsonArray array && array.All(item => item?.GetValueKind() == JsonValueKind.String)) return [.. array.Select(item => item!.GetValue<string>())];
        Wrong(name, "must be a list of strings");
        return [];
    }

    /// <summary>Null where it is missing; <c>{}</c> and nothing after the colon are the same.</summary>
    public ConfigNode? Object(string name)
    {
        if (!node.TryGetPropertyValue(name, out var value)) return null;
        if (value is null or JsonObject) return new ConfigNode(value as JsonObject ?? [], Join(path, name), errors);
        Wrong(name, "must be an object");
        return null;
    }

    public IReadOnlyList<ConfigNode> Items(string name)
    {
        if (node[name] is not { } value) return [];
        if (value is JsonArray array && array.All(item => item is JsonObject))
            return [.. array.Select((item, index) => new ConfigNode((JsonObject)item!, $"{Join(path, name)}[{index}]", errors))];
        Wrong(name, "must be a list of objects");
        return [];
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
