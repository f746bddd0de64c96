using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Patch;

/// <summary>
/// Kubernetes' strategic merge patch: as a merge patch, but lists with a merge key merge item by item, and directives
/// ($patch, $retainKeys, $deleteFromPrimitiveList/x, $setElementOrder/x) say what plain JSON cannot
/// (Kubernetes documentation: "Update API Objects in Place Using kubectl patch"; design document "strategic-merge-patch").
/// </summary>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string DeleteFromSet = "$deleteFromPrimitiveList/";
    private const string ElementOrder = "$setElementOrder/";

    /// <exception cref="PatchException">A directive is unknown, or an item lacks its merge key.</exception>
    public static JsonObject Apply(JsonObject target, JsonObject patch, SchemaType type) => MergeStruct(target, patch, type);

    private static JsonObject MergeStruct(JsonObject target, JsonObject patch, SchemaType? type)
    {
        switch (patch.Text(Directive))
        {
            case "replace":
                return Plain(patch);
            case "delete":
                return [];
            case null or "merge":
                break;
            case var other:
                throw new PatchException($"unknown patch type: {other}");
        }
        Retain(target, patch);
        foreach (var (name, change) in patch)
        {
            if (name.StartsWith('$')) continue;
            MergeField(target, name, change, Field(type, name), patch);
        }
        foreach (var (name, values) in patch)
        {
            if (!name.StartsWith(DeleteFromSet, StringComparison.Ordinal) || values is not JsonArray gone) continue;
            var field = name[DeleteFromSet.Length..];
            if (target.Array(field) is { } set) target[field] = Without(set, gone);
        }
        OrderUnchanged(target, patch, type);
        return target;
    }

    private static void Retain(JsonObject target, JsonObject patch)
    {
        if (patch.Array(RetainKeys) is null) return;
        var kept = patch.Texts(RetainKeys).ToHashSet();
        foreach (var name in target.Select(pair => pair.Key).Where(name => !kept.Contains(name)).ToList()) target.Remove(name);
    }

    private static void MergeField(JsonObject target, string name, JsonNode? change, SchemaField? field, JsonObject patch)
    {
        switch (change)
        {
            case null:
                target.Remove(name);
                break;
            case JsonObject changes:
                target[name] = MergeStruct(Detach(target, name) as JsonObject ?? [], changes, field?.Shape == SchemaShape.Single ? field.Type : null);
                break;
            case JsonArray changes when field is { MergesAsSet: true } or { MergeKey: not null }:
                var list = Detach(target, name) as JsonArray ?? [];
                var before = list.Select(item => Identity(field, item)).ToList();
                list = field.MergeKey is { } key ? MergeList(list, changes, key, field.Type) : Union(list, changes);
                target[name] = Ordered(list, patch.Array(ElementOrder + name), before, field);
                break;
            default:
                target[name] = change.DeepClone();
                break;
        }
    }

    private static JsonArray MergeList(JsonArray target, JsonArray changes, string key, SchemaType? type)
    {
        if (changes.Any(change => change is JsonObject only && only.Text(Directive) == "replace" && only.Count == 1))
            return new JsonArray([.. changes.Where(change => change.Text(Directive) is null).Select(change => change!.DeepClone())]);
        foreach (var node in changes)
        {
            if (node is not JsonObject change) throw new PatchException("a list with a merge key takes objects only");
            var id = change.At(key)?.ToJsonString()
                ?? throw new PatchException($"map: {change.ToJsonString()} does not contain declared merge key: {key}");
            var at = IndexOf(target, key, id);
            if (change.Text(Directive) == "delete")
            {
                if (at >= 0) target.RemoveAt(at);
            }
            else if (at < 0) target.Add((JsonNode)MergeStruct([], change, type));
            else
            {
                var item = (JsonObject)target[at]!;
                target[at] = new JsonObject();
                target[at] = MergeStruct(item, change, type);
            }
        }
        return target;
    }

    private static int IndexOf(JsonArray list, string key, string id)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i].At(key)?.ToJsonString() == id) return i;
        }
        return -1;
    }

    /// <summary>
    /// Puts items in the order that $setElementOrder gives. Those that it does not name were added by others and keep their
    /// place: each comes before the first named item that stood behind it.
    /// </summary>
    private static JsonArray Ordered(JsonArray list, JsonArray? order, List<string?> before, SchemaField field)
    {
        if (order is null) return list;
        var rank = new Dictionary<string, int>();
        foreach (var node in order)
        {
            if (Identity(field, node) is { } id) rank.TryAdd(id, rank.Count);
        }
        var items = list.ToLookup(item => rank.ContainsKey(Identity(field, item) ?? ""));
        var named = new Queue<JsonNode?>(items[true].OrderBy(item => rank[Identity(field, item)!]));
        var others = new Queue<JsonNode?>(items[false]);
        list.Clear();
        while (named.Count + others.Count > 0)
            list.Add(others.Count == 0 || (named.Count > 0 && StoodBefore(named.Peek(), others.Peek())) ? named.Dequeue() : others.Dequeue());
        return list;

        bool StoodBefore(JsonNode? one, JsonNode? other)
        {
            var (first, second) = (before.IndexOf(Identity(field, one)), before.IndexOf(Identity(field, other)));
            return first >= 0 && second >= 0 && first < second;
        }
    }

    /// <summary>What makes two items of a list the same: the value of the merge key, or the whole value in a set.</summary>
    private static string? Identity(SchemaField field, JsonNode? item) =>
        field.MergeKey is { } key ? item.At(key)?.ToJsonString() : item?.ToJsonString();

    /// <summary>An order may be stated for a list that the patch does not change.</summary>
    private static void OrderUnchanged(JsonObject target, JsonObject patch, SchemaType? type)
    {
        foreach (var (name, order) in patch)
        {
            if (!name.StartsWith(ElementOrder, StringComparison.Ordinal) || order is not JsonArray wanted) continue;
            var list = name[ElementOrder.Length..];
            if (patch.ContainsKey(list) || target.Array(list) is null || Field(type, list) is not { } field || field is { MergeKey: null, MergesAsSet: false }) continue;
            var items = (JsonArray)Detach(target, list)!;
            target[list] = Ordered(items, wanted, [.. items.Select(item => Identity(field, item))], field);
        }
    }

    private static JsonArray Union(JsonArray set, JsonArray more)
    {
        var present = set.Select(item => item?.ToJsonString()).ToHashSet();
        foreach (var item in more)
        {
            if (present.Add(item?.ToJsonString())) set.Add(item?.DeepClone());
        }
        return set;
    }

    private static JsonArray Without(JsonArray set, JsonArray gone)
    {
        var removed = gone.Select(item => item?.ToJsonString()).ToHashSet();
        return new JsonArray([.. set.Where(item => !removed.Contains(item?.ToJsonString())).Select(item => item?.DeepClone())]);
    }

    private static JsonObject Plain(JsonObject patch)
    {
        var copy = (JsonObject)patch.DeepClone();
        copy.Remove(Directive);
        return copy;
    }

    private static SchemaField? Field(SchemaType? type, string name) => type?.Fields.GetValueOrDefault(name);

    private static JsonNode? Detach(JsonObject parent, string name)
    {
        parent.TryGetPropertyValue(name, out var child);
        parent.Remove(name);
        return child;
    }
}
