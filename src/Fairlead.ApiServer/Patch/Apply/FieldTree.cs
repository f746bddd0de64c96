using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Patch.Apply;

/// <summary>What differs between two states of an object.</summary>
/// <param name="Changed">Fields that are new or have another value.</param>
/// <param name="Removed">Fields that are gone.</param>
internal sealed record FieldChanges(FieldSet Changed, FieldSet Removed);

/// <summary>Walks over objects by the shapes of their fields: which fields there are, what differs, merging, taking away.</summary>
internal static class FieldTree
{
    public static FieldSet SetOf(JsonNode? node, FieldShape shape)
    {
        var set = new FieldSet();
        Add(node, shape, set);
        return set;
    }

    public static FieldChanges Compare(JsonNode? before, JsonNode? after, FieldShape shape)
    {
        var changes = new FieldChanges(new FieldSet(), new FieldSet());
        Compare(before, after, shape, changes.Changed, changes.Removed);
        return changes;
    }

    /// <summary>The live value with what the applied one says in its place.</summary>
    public static JsonNode? Merge(JsonNode? live, JsonNode? applied, FieldShape shape)
    {
        switch (shape.Kind)
        {
            case ShapeKind.Struct or ShapeKind.Map when applied is JsonObject wanted:
                var merged = live as JsonObject ?? [];
                foreach (var (name, value) in wanted)
                {
                    if (value is not null) merged[name] = Merge(Take(merged, name), value, shape.Below(name));
                }
                return merged;
            case ShapeKind.KeyedList when applied is JsonArray wanted:
                return MergeList(live as JsonArray ?? [], wanted, shape);
            case ShapeKind.Set when applied is JsonArray wanted:
                var set = live as JsonArray ?? [];
                var known = set.Select(shape.StepOf).ToHashSet();
                foreach (var value in wanted.Where(value => known.Add(shape.StepOf(value)))) set.Add(value?.DeepClone());
                return set;
            default:
                return applied?.DeepClone();
        }
    }

    /// <summary>Takes the fields of the set out of the object, and what is left empty by it.</summary>
    /// <param name="kept">Fields that somebody still wants, so that what holds them stays.</param>
    public static void Remove(JsonNode? node, FieldSet gone, FieldSet kept, FieldShape shape)
    {
        switch (node)
        {
            case JsonObject obj:
                foreach (var (step, below) in gone.Children)
                {
                    if (step[0] != 'f' || !obj.TryGetPropertyValue(step[2..], out var child)) continue;
                    var still = kept.Find(step) ?? new FieldSet();
                    if (below.Children.Count > 0) Remove(child, below, still, shape.Below(step[2..]));
                    if (still.IsEmpty && (below.IsMember || IsHollow(child))) obj.Remove(step[2..]);
                }
                break;
            case JsonArray list:
                for (var i = list.Count - 1; i >= 0; i--)
                {
                    var step = shape.StepOf(list[i]);
                    if (gone.Find(step) is not { } below) continue;
                    var still = kept.Find(step) ?? new FieldSet();
                    if (still.IsEmpty && below.IsMember) list.RemoveAt(i);
                    else Remove(list[i], below, still, shape.Item);
                }
                break;
        }
    }

    private static bool IsHollow(JsonNode? node) => node is JsonObject { Count: 0 } or JsonArray { Count: 0 };

    private static void Add(JsonNode? node, FieldShape shape, FieldSet set)
    {
        switch (shape.Kind)
        {
            case ShapeKind.Struct or ShapeKind.Map when node is JsonObject { Count: > 0 } obj:
                foreach (var (name, value) in obj) Add(value, shape.Below(name), set.Below("f:" + name));
                break;
            case ShapeKind.KeyedList when node is JsonArray { Count: > 0 } list:
                foreach (var item in list)
                {
                    var below = set.Below(shape.StepOf(item));
                    below.IsMember = true;
                    Add(item, shape.Item, below);
                }
                break;
            case ShapeKind.Set when node is JsonArray { Count: > 0 } values:
                foreach (var value in values) set.Below(shape.StepOf(value)).IsMember = true;
                break;
            default:
                set.IsMember = true;
                break;
        }
    }

    private static void Compare(JsonNode? before, JsonNode? after, FieldShape shape, FieldSet changed, FieldSet removed)
    {
        if (before is null || after is null)
        {
            if (before is not null) Add(before, shape, removed);
            if (after is not null) Add(after, shape, changed);
            return;
        }
        switch (shape.Kind)
        {
            case ShapeKind.Struct or ShapeKind.Map when before is JsonObject one && after is JsonObject other:
                foreach (var name in one.Select(pair => pair.Key).Union(other.Select(pair => pair.Key)))
                    CompareBelow("f:" + name, one[name], other[name], shape.Below(name), changed, removed);
                break;
            case ShapeKind.KeyedList or ShapeKind.Set when before is JsonArray one && after is JsonArray other:
                var (was, now) = (ByStep(one, shape), ByStep(other, shape));
                foreach (var step in was.Keys.Union(now.Keys))
                {
                    var (old, recent) = (was.GetValueOrDefault(step), now.GetValueOrDefault(step));
                    CompareBelow(step, old, recent, shape.Kind == ShapeKind.Set ? shape with { Kind = ShapeKind.Leaf } : shape.Item, changed, removed);
                    if (old is null) changed.Below(step).IsMember = true;
                    if (recent is null) removed.Below(step).IsMember = true;
                }
                break;
            default:
                if (!JsonNode.DeepEquals(before, after)) changed.IsMember = true;
                break;
        }
    }

    private static void CompareBelow(string step, JsonNode? before, JsonNode? after, FieldShape shape, FieldSet changed, FieldSet removed) =>
        Compare(before, after, shape, changed.Below(step), removed.Below(step));

    private static Dictionary<string, JsonNode?> ByStep(JsonArray list, FieldShape shape)
    {
        var items = new Dictionary<string, JsonNode?>();
        foreach (var item in list) items.TryAdd(shape.StepOf(item), item);
        return items;
    }

    private static JsonArray MergeList(JsonArray live, JsonArray wanted, FieldShape shape)
    {
        var places = live.Select(shape.StepOf).ToList();
        foreach (var item in wanted)
        {
            var at = places.IndexOf(shape.StepOf(item));
            if (at < 0)
            {
                live.Add(item?.DeepClone());
                places.Add(shape.StepOf(item));
                continue;
            }
            var there = live[at];
            live[at] = null;
            live[at] = Merge(there, item, shape.Item);
        }
        return live;
    }

    private static JsonNode? Take(JsonObject obj, string name)
    {
        if (!obj.TryGetPropertyValue(name, out var value)) return null;
        // The name keeps its place, so that an apply that changes nothing writes nothing.
        obj[name] = null;
        return value;
    }
}
