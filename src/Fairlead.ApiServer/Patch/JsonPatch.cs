using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Patch;

/// <summary>JSON Patch (RFC 6902): add, remove, replace, move, copy, test, in order; any failure refuses the whole.</summary>
internal static class JsonPatch
{
    private const int MostOperations = 10_000;

    /// <summary>Characters and nodes that operations may put somewhere: copies of copies would fill any memory. Twice the largest body.</summary>
    private const int MostMoved = 6 * 1024 * 1024;

    /// <exception cref="PatchException">The patch is malformed, or an operation does not fit.</exception>
    public static JsonObject Apply(JsonObject target, JsonArray operations)
    {
        if (operations.Count > MostOperations) throw new PatchException($"The allowed maximum operations in a JSON patch is {MostOperations}, got {operations.Count}");
        JsonNode root = target;
        var budget = MostMoved;
        foreach (var node in operations)
        {
            if (node is not JsonObject operation) throw new PatchException("a JSON patch operation must be an object");
            root = ApplyOne(root, operation, ref budget);
        }
        return root as JsonObject ?? throw new PatchException("the patch does not leave an object", true);
    }

    private static JsonNode ApplyOne(JsonNode root, JsonObject operation, ref int budget)
    {
        var path = Pointer(operation, "path");
        switch (operation.Text("op"))
        {
            case "add":
                return Add(root, path, Value(operation), ref budget);
            case "remove":
                Remove(root, path);
                return root;
            case "replace":
                if (path.Length > 0) Remove(root, path);
                return Add(root, path, Value(operation), ref budget);
            case "move":
                var from = Pointer(operation, "from");
                return Add(root, path, Remove(root, from), ref budget);
            case "copy":
                return Add(root, path, Find(root, Pointer(operation, "from"))?.DeepClone(), ref budget);
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

    private static JsonNode Add(JsonNode root, string[] path, JsonNode? value, ref int budget)
    {
        Measure(value, path.Length, ref budget);
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

    /// <summary>Refuses what is too much or too deep before it is part of the object.</summary>
    private static void Measure(JsonNode? value, int depth, ref int budget)
    {
        budget -= value is JsonValue leaf && leaf.GetValueKind() == JsonValueKind.String ? leaf.GetValue<string>().Length + 1 : 1;
        if (budget < 0) throw new PatchException("Unable to complete the copy, the accumulated size increase of copy operations exceeds the limit");
        if (depth > JsonTree.Deepest) throw new PatchException("the patch nests too deeply");
        if (value is JsonArray array)
        {
            foreach (var item in array) Measure(item, depth + 1, ref budget);
        }
        else if (value is JsonObject obj)
        {
            foreach (var (name, member) in obj)
            {
                budget -= name.Length;
                Measure(member, depth + 1, ref budget);
            }
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
