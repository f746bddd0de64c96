using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// OpenAPI v2: one document of all kinds, from the schema table. kubectl before 1.27 validates manifests by it, finds the
/// merge keys of its patches in it, and explains fields from it.
/// </summary>
internal static class OpenApiV2
{
    public static JsonObject Document(IReadOnlyList<Kind> kinds) => Document(kinds, Descriptions.Read());

    private static JsonObject Document(IReadOnlyList<Kind> kinds, Descriptions descriptions) => new()
    {
        ["swagger"] = "2.0",
        ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = ServerVersion.Git },
        ["paths"] = new JsonObject(kinds.SelectMany(Paths)),
        ["definitions"] = new JsonObject(Reachable(kinds).Select(type => KeyValuePair.Create(NameOf(type), (JsonNode?)Definition(type, kinds.Where(kind => kind.Schema == type), descriptions)))),
    };

    /// <summary>All types that objects of these kinds can contain, by name.</summary>
    public static IEnumerable<SchemaType> Reachable(IEnumerable<Kind> kinds)
    {
        var seen = new HashSet<SchemaType>();
        var queue = new Queue<SchemaType>(kinds.Select(kind => kind.Schema));
        while (queue.TryDequeue(out var type))
        {
            if (!seen.Add(type)) continue;
            foreach (var field in type.Fields.Values)
            {
                if (field.Type is { } next) queue.Enqueue(next);
            }
        }
        return seen.OrderBy(type => type.Name, StringComparer.Ordinal);
    }

    private static IEnumerable<KeyValuePair<string, JsonNode?>> Paths(Kind kind)
    {
        var collection = (kind.Group.Length == 0 ? $"/api/{kind.Version}" : $"/apis/{kind.Group}/{kind.Version}")
            + (kind.Namespaced ? "/namespaces/{namespace}" : "") + "/" + kind.Plural;
        yield return KeyValuePair.Create(collection, (JsonNode?)new JsonObject
        {
            ["get"] = Operation(kind, "list"),
            ["post"] = Operation(kind, "post"),
            ["delete"] = Operation(kind, "deletecollection"),
        });
        yield return KeyValuePair.Create(collection + "/{name}", (JsonNode?)new JsonObject
        {
            ["get"] = Operation(kind, "get"),
            ["put"] = Operation(kind, "put"),
            ["delete"] = Operation(kind, "delete"),
            ["patch"] = Operation(kind, "patch", "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"),
        });
    }

    private static JsonObject Operation(Kind kind, string action, params ReadOnlySpan<string> consumes)
    {
        var operation = new JsonObject
        {
            ["consumes"] = (consumes.Length == 0 ? ["*/*"] : consumes).ToArray().ToJsonArray(),
        };
        if (action is not ("get" or "list"))
        {
            operation["parameters"] = new JsonArray(
                [.. new[] { "dryRun", "fieldManager", "fieldValidation" }.Select(name => new JsonObject { ["name"] = name, ["in"] = "query", ["type"] = "string" })]);
        }
        operation["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } };
        operation["x-kubernetes-action"] = action;
        operation["x-kubernetes-group-version-kind"] = GroupVersionKind(kind);
        return operation;
    }

    private static JsonObject Definition(SchemaType type, IEnumerable<Kind> kinds, Descriptions descriptions)
    {
        var definition = new JsonObject
        {
            ["description"] = descriptions.Of(type),
            ["type"] = "object",
            ["properties"] = new JsonObject(type.Fields.Values
                .OrderBy(field => field.Name, StringComparer.Ordinal)
                .Select(field => KeyValuePair.Create(field.Name, (JsonNode?)Described(Property(field), descriptions.Of(type, field))))),
        };
        if (kinds.ToList() is { Count: > 0 } served)
            definition["x-kubernetes-group-version-kind"] = new JsonArray([.. served.Select(GroupVersionKind)]);
        return definition;
    }

    private static JsonObject Described(JsonObject property, string text)
    {
        if (text.Length > 0) property["description"] = text;
        return property;
    }

    private static JsonObject Property(SchemaField field)
    {
        var property = field.Shape switch
        {
            SchemaShape.List => new JsonObject { ["type"] = "array", ["items"] = Value(field) },
            SchemaShape.Map => new JsonObject { ["type"] = "object", ["additionalProperties"] = Value(field) },
            _ => Value(field),
        };
        if (field.MergeKey is { } key) property["x-kubernetes-patch-merge-key"] = key;
        if (Strategy(field) is { Length: > 0 } strategy) property["x-kubernetes-patch-strategy"] = strategy;
        return property;
    }

    public static string Strategy(SchemaField field) => (field.MergeKey is not null || field.MergesAsSet, field.RetainKeys) switch
    {
        (true, true) => "merge,retainKeys",
        (true, false) => "merge",
        (false, true) => "retainKeys",
        _ => "",
    };

    private static JsonObject Value(SchemaField field) => field.Value switch
    {
        SchemaValue.Struct => new JsonObject { ["$ref"] = "#/definitions/" + NameOf(field.Type!) },
        SchemaValue.Int32 => Typed("integer", "int32"),
        SchemaValue.Int64 => Typed("integer", "int64"),
        SchemaValue.Double => Typed("number", "double"),
        SchemaValue.Flag => new JsonObject { ["type"] = "boolean" },
        SchemaValue.Time or SchemaValue.MicroTime => Typed("string", "date-time"),
        SchemaValue.Bytes => Typed("string", "byte"),
        SchemaValue.IntOrString => Typed("string", "int-or-string"),
        SchemaValue.Texts => new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "string" } },
        SchemaValue.Any => new JsonObject { ["type"] = "object" },
        _ => new JsonObject { ["type"] = "string" },
    };

    private static JsonObject Typed(string type, string format) => new() { ["type"] = type, ["format"] = format };

    private static JsonObject GroupVersionKind(Kind kind) => new() { ["group"] = kind.Group, ["version"] = kind.Version, ["kind"] = kind.Name };

    /// <summary>The model's name, because one document holds the types of all groups: EndpointPort is two.</summary>
    private static string NameOf(SchemaType type) => "io.k8s.api." + type.Name;
}
