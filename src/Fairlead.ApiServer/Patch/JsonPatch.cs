using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Patch;

/// <summary>JSON Patch (RFC 6902): add, remove, replace, move, copy, test, in order; any failure refuses the whole.</summary>
internal static class JsonPatch
{
    private const int MostOperations = 10_000;

    /// <exception cref="PatchException">The patch is malformed, or an operation does not fit.</exception>
    public static JsonObject Apply(JsonObject target, JsonArray operations)
    {
        if (operations.Count > MostOperations) throw new PatchException($"The allowed maximum operations in a JSON patch is {MostOperations}, got {operations.Count}");
        JsonNode root = target;
        foreach (var node in operations)
        {
            if (node is not JsonObject operation) throw new PatchException("a JSON patch operation must be an object");
            root = ApplyOne(root, operation);
        }
        return root as JsonObject ?? throw new PatchException("the patch does not leave an object", true);
    }

    private static JsonNode ApplyOne(JsonNode root, JsonObject operation)
    {
        var path = Pointer(operation, "path");
        switch (operation.Text("op"))
        {
            case "add":
                return Add(root, path, Value(operation));
            case "remove":
                Remove(root, path);
                return root;
            case "replace":
                if (path.Length > 0) Remove(root, path);
                return Add(root, path, Value(operation));
            case "move":
                var from = Pointer(operation, "from");
                return Add(root, path, Remove(root, from));
            case "copy":
                return Add(root, path, Find(root, Pointer(operation, "from"))?.DeepClone());
            case "test":
                if (!JsonNode.DeepEquals(Find(root, path), Value(operation)))
                    throw new PatchException($"testing path {operation.Text("path")} failed: the server rejected our request due to an error in our request", true);
                return root;
            case var other:
                throw new PatchException($"Unexpected kind: {other}");
        }
    }

    private static JsonNode? Value(JsonObject operation) =>
        operation.TryGetPropertyValue("value", out var value)
            ? value?.DeepClone()
            : throw new PatchException("a JSON patch operation lacks its value");

    private static string[] Pointer(JsonObject operation, string name)
    {
        var text = operation.Text(name) ?? throw new PatchException($"a JSON patch operation lacks its {name}");
        if (text.Length == 0) return [];
        if (text[0] != '/') throw new PatchException($"\"{text}\" is not a JSON pointer");
        return [.. text[1..].Split('/').Select(step => step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
    }

    private static JsonNode? Find(JsonNode? node, ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            node = node switch
            {
                JsonObject obj when obj.TryGetPropertyValue(step, out var child) => child,
                JsonArray array => array[Index(step, array.Count - 1)],
                _ => throw Missing(step),
            };
        }
        return node;
    }

    private static JsonNode Add(JsonNode root, string[] path, JsonNode? value)
    {
        if (path.Length == 0) return value ?? throw new PatchException("the patch does not leave an object", true);
        switch (Find(root, path.AsSpan(0, path.Length - 1)))
        {
            case JsonObject obj:
                obj[path[^1]] = value;
                return root;
            case JsonArray array:
                array.Insert(path[^1] == "-" ? array.Count : Index(path[^1], array.Count), value);
                return root;
            default:
                throw Missing(path[^1]);
        }
    }

    private static JsonNode? Remove(JsonNode root, string[] path)
    {
        if (path.Length == 0) throw new PatchException("the whole object cannot be removed", true);
        switch (Find(root, path.AsSpan(0, path.Length - 1)))
        {
            case JsonObject obj when obj.TryGetPropertyValue(path[^1], out var child):
                obj.Remove(path[^1]);
                return child;
            case JsonArray array:
                var index = Index(path[^1], array.Count - 1);
                var item = array[index];
                array.RemoveAt(index);
                return item;
            default:
                throw Missing(path[^1]);
        }
    }

    private static int Index(string step, int last) =>
        step is not ['0', _, ..] && int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= last
            ? index
            : throw new PatchException($"Unable to access invalid index: {step}", true);

    private static PatchException Missing(string step) =>
        new($"the server rejected our request due to an error in our request: \"{step}\" does not exist in the object", true);
}
