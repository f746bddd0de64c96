using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.Unit.Fuzz;

/// <summary>Changes JSON and leaves it JSON: values become others, fields go, come twice over or move.</summary>
internal static class TreeChanges
{
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "65536", "2147483648", "9223372036854775807", "-9223372036854775808", "1e30", "0.5", "\"\"", "\"a\"", "\"0\"", "\"-\"", "\"x/y/z\"",
        "\"10.96.0.1\"", "\"::\"", "\"1Gi\"", "\"1e99999\"", "\"100%\"", "\"-5%\"", "\"2026-01-01T00:00:00Z\"", "\"\\u0000\"", "\"é\\ud83d\\ude00\"", "[]", "{}", "[null]", "[{}]", "{\"\":\"\"}", "[[]]",
    ];

    internal static byte[] Next(byte[] seed, Random random)
    {
        var root = JsonTree.Parse(seed)!;
        for (var changes = random.Next(1, 6); changes > 0; changes--) Change(root, random);
        return Encoding.UTF8.GetBytes(root.ToJsonString());
    }

    private static void Change(JsonNode root, Random random)
    {
        var parents = new List<JsonNode>();
        Gather(root, parents);
        switch (parents[random.Next(parents.Count)])
        {
            case JsonObject { Count: > 0 } obj:
                var name = obj.ElementAt(random.Next(obj.Count)).Key;
                if (random.Next(4) == 0) obj.Remove(name);
                else if (random.Next(6) == 0) obj[Key(random, parents)] = obj[name]?.DeepClone();
                else obj[name] = Value(random, parents);
                break;
            case JsonArray { Count: > 0 } array:
                var index = random.Next(array.Count);
                if (random.Next(4) == 0) array.RemoveAt(index);
                else if (random.Next(3) == 0) array.Add(array[index]?.DeepClone());
                else array[index] = Value(random, parents);
                break;
            case JsonArray empty:
                empty.Add(Value(random, parents));
                break;
        }
    }

    /// <summary>One of the odd ones, or a piece from elsewhere in the same object.</summary>
    private static JsonNode? Value(Random random, List<JsonNode> parents) =>
        random.Next(5) == 0 ? parents[random.Next(parents.Count)].DeepClone() : JsonNode.Parse(Values[random.Next(Values.Length)]);

    private static string Key(Random random, List<JsonNode> parents) =>
        parents[random.Next(parents.Count)] is JsonObject { Count: > 0 } obj ? obj.ElementAt(random.Next(obj.Count)).Key : "a";

    private static void Gather(JsonNode? node, List<JsonNode> parents)
    {
        if (node is not (JsonObject or JsonArray) || parents.Count > 200) return;
        parents.Add(node);
        foreach (var child in node is JsonObject obj ? obj.Select(pair => pair.Value) : (JsonArray)node) Gather(child, parents);
    }
}
