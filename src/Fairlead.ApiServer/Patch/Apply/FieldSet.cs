using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Patch.Apply;

/// <summary>
/// Which fields of an object somebody owns, as a tree whose steps are written as in FieldsV1: <c>f:NAME</c> a field, <c>k:{KEYS}</c> an item of a list
/// with keys, <c>v:VALUE</c> one of a set (Kubernetes API reference: "FieldsV1").
/// </summary>
internal sealed class FieldSet
{
    private const string Self = ".";
    private readonly SortedDictionary<string, FieldSet> _children = new(StringComparer.Ordinal);

    /// <summary>Whether the field at this place is itself owned, not only something below it.</summary>
    public bool IsMember { get; set; }

    public IReadOnlyDictionary<string, FieldSet> Children => _children;

    public bool IsEmpty => !IsMember && _children.Values.All(child => child.IsEmpty);

    /// <summary>The place below, made where it is missing.</summary>
    public FieldSet Below(string step)
    {
        if (!_children.TryGetValue(step, out var child)) _children[step] = child = new FieldSet();
        return child;
    }

    public FieldSet? Find(string step) => _children.GetValueOrDefault(step);

    public static FieldSet Union(FieldSet one, FieldSet other)
    {
        var all = new FieldSet { IsMember = one.IsMember || other.IsMember };
        foreach (var step in one._children.Keys.Union(other._children.Keys)) all._children[step] = Union(one.Find(step) ?? new FieldSet(), other.Find(step) ?? new FieldSet());
        return all;
    }

    public static FieldSet Intersection(FieldSet one, FieldSet other)
    {
        var both = new FieldSet { IsMember = one.IsMember && other.IsMember };
        foreach (var (step, child) in one._children)
        {
            if (other.Find(step) is { } same && Intersection(child, same) is { IsEmpty: false } common) both._children[step] = common;
        }
        return both;
    }

    public static FieldSet Difference(FieldSet one, FieldSet other)
    {
        var rest = new FieldSet { IsMember = one.IsMember && !other.IsMember };
        foreach (var (step, child) in one._children)
        {
            var left = other.Find(step) is { } same ? Difference(child, same) : child;
            if (!left.IsEmpty) rest._children[step] = left;
        }
        return rest;
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        if (IsMember && _children.Count > 0) json[Self] = new JsonObject();
        foreach (var (step, child) in _children)
        {
            if (!child.IsEmpty) json[step] = child.ToJson();
        }
        return json;
    }

    public static FieldSet Parse(JsonObject json)
    {
        var set = new FieldSet { IsMember = json.Count == 0 || json.ContainsKey(Self) };
        foreach (var (step, child) in json)
        {
            if (IsStep(step)) set._children[step] = Parse(child as JsonObject ?? []);
        }
        return set;
    }

    /// <summary>What clients write of ownership may be anything; what is no step owns nothing.</summary>
    private static bool IsStep(string step) => step.Length > 2 && step[1] == ':' && (step[0] is 'f' or 'v' || (step[0] == 'k' && Keys(step) is not null));

    private static JsonObject? Keys(string step)
    {
        try
        {
            return JsonTree.Parse(Encoding.UTF8.GetBytes(step[2..])) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The owned fields as messages name them: <c>.spec.ports[port=80,protocol="TCP"].name</c>.</summary>
    public IEnumerable<string> Paths(string prefix = "")
    {
        if (IsMember) yield return prefix;
        foreach (var (step, child) in _children)
        {
            foreach (var path in child.Paths(prefix + Show(step))) yield return path;
        }
    }

    private static string Show(string step) => step[0] switch
    {
        'f' => $".{step[2..]}",
        'k' when Keys(step) is { } keys => $"[{string.Join(',', keys.Select(key => $"{key.Key}={key.Value?.ToJsonString()}"))}]",
        _ => $"[={step[2..]}]",
    };
}
