using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Patch;

/// <summary>JSON Merge Patch (RFC 7396): objects merge, null removes, anything else replaces.</summary>
internal static class MergePatch
{
    public static JsonNode? Apply(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes) return patch?.DeepClone();
        var result = target as JsonObject ?? [];
        foreach (var (name, change) in changes)
        {
            if (change is null) result.Remove(name);
            else if (change is JsonObject) Replace(result, name, Apply(Detach(result, name), change));
            else result[name] = change.DeepClone();
        }
        return result;
    }

    private static JsonNode? Detach(JsonObject parent, string name)
    {
        parent.TryGetPropertyValue(name, out var child);
        parent.Remove(name);
        return child;
    }

    private static void Replace(JsonObject parent, string name, JsonNode? value) => parent[name] = value;
}
