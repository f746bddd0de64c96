using System.Collections.Frozen;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Patch.Apply;

internal enum ShapeKind
{
    /// <summary>Owned as a whole: a plain value, or an object or list that Kubernetes calls atomic.</summary>
    Leaf,
    Struct,
    Map,
    /// <summary>A list whose items are told apart by some of their fields.</summary>
    KeyedList,
    /// <summary>A list of plain values in which each stands once.</summary>
    Set,
}

/// <summary>How a field is merged and owned (Kubernetes documentation: "Server-Side Apply", merge strategy).</summary>
/// <param name="Type">Of a struct, or of what a map or list holds; null: plain values.</param>
internal sealed record FieldShape(ShapeKind Kind, SchemaType? Type, string[] Keys)
{
    private static readonly FieldShape Leaf = new(ShapeKind.Leaf, null, []);

    // The markers +structType=atomic and +mapType=atomic of the published types.
    private static readonly FrozenSet<string> AtomicTypes = new[]
    {
        "V1LabelSelector", "V1ObjectReference", "V1LocalObjectReference", "V1ConfigMapKeySelector", "V1SecretKeySelector", "V1ObjectFieldSelector", "V1ResourceFieldSelector",
        "V1NodeSelector", "V1NodeSelectorTerm", "V1TypedLocalObjectReference", "V1SecretReference", "V1RoleRef", "Rbacv1Subject", "V1EndpointAddress", "Corev1EndpointPort",
        "Discoveryv1EndpointPort", "V1ServiceBackendPort", "V1ScopeSelector",
    }.ToFrozenSet();

    private static readonly FrozenSet<string> AtomicMaps = new[] { "V1ServiceSpec.selector", "V1ReplicationControllerSpec.selector", "V1PodSpec.nodeSelector" }.ToFrozenSet();

    // Lists with more keys than a strategic merge patch knows.
    private static readonly FrozenDictionary<string, string[]> MoreKeys = new Dictionary<string, string[]>
    {
        ["V1ServiceSpec.ports"] = ["port", "protocol"],
        ["V1Container.ports"] = ["containerPort", "protocol"],
        ["V1EphemeralContainer.ports"] = ["containerPort", "protocol"],
        ["V1PodSpec.topologySpreadConstraints"] = ["topologyKey", "whenUnsatisfiable"],
    }.ToFrozenDictionary();

    public static FieldShape OfStruct(SchemaType type) => AtomicTypes.Contains(type.Name) ? Leaf : new FieldShape(ShapeKind.Struct, type, []);

    /// <summary>The shape of the field of that name; of a field that the schema does not know, a leaf.</summary>
    public FieldShape Below(string name)
    {
        if (Kind == ShapeKind.Map) return Type is null ? Leaf : OfStruct(Type);
        if (Type is null || !Type.Fields.TryGetValue(name, out var field)) return Leaf;
        var path = $"{Type.Name}.{name}";
        return field.Shape switch
        {
            SchemaShape.Map => AtomicMaps.Contains(path) ? Leaf : new FieldShape(ShapeKind.Map, field.Type, []),
            SchemaShape.List when field.MergesAsSet => new FieldShape(ShapeKind.Set, null, []),
            SchemaShape.List when MoreKeys.TryGetValue(path, out var keys) => new FieldShape(ShapeKind.KeyedList, field.Type, keys),
            SchemaShape.List when field.MergeKey is { } key => new FieldShape(ShapeKind.KeyedList, field.Type, [key]),
            SchemaShape.List => Leaf,
            _ => field.Type is null ? Leaf : OfStruct(field.Type),
        };
    }

    /// <summary>The shape of an item of a keyed list.</summary>
    public FieldShape Item => new(ShapeKind.Struct, Type, []);

    /// <summary>The step that names an item of this list.</summary>
    public string StepOf(JsonNode? item)
    {
        if (Kind == ShapeKind.Set) return "v:" + (item?.ToJsonString() ?? "null");
        var keys = new JsonObject();
        foreach (var key in Keys.Order(StringComparer.Ordinal))
        {
            // Where the protocol is left out, it is TCP.
            keys[key] = item.At(key)?.DeepClone() ?? (key == "protocol" ? JsonValue.Create("TCP") : null);
        }
        return "k:" + keys.ToText();
    }
}
