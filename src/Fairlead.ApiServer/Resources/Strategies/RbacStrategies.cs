using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>Kubernetes documentation: "Using RBAC Authorization".</summary>
internal sealed class RoleStrategy : KindStrategy
{
    public static readonly RoleStrategy Instance = new();

    public override string? CheckName(string name) => NameRules.PathSegment(name);

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var namespaced = obj.Text("kind") == "Role";
        foreach (var (i, rule) in obj.Items("rules"))
        {
            var field = $"rules[{i}]";
            if (rule.Array("verbs") is not { Count: > 0 }) errors.Required($"{field}.verbs", "verbs must contain at least one value");
            if (rule.Array("nonResourceURLs") is { Count: > 0 } paths)
            {
                if (namespaced) errors.Invalid($"{field}.nonResourceURLs", paths.DeepClone(), "namespaced rules cannot apply to non-resource URLs");
                if (rule.Array("apiGroups") is { Count: > 0 } || rule.Array("resources") is { Count: > 0 } || rule.Array("resourceNames") is { Count: > 0 })
                    errors.Invalid($"{field}.nonResourceURLs", paths.DeepClone(), "rules cannot apply to both regular resources and non-resource URLs");
                continue;
            }
            if (rule.Array("apiGroups") is not { Count: > 0 }) errors.Required($"{field}.apiGroups", "resource rules must supply at least one api group");
            if (rule.Array("resources") is not { Count: > 0 }) errors.Required($"{field}.resources", "resource rules must supply at least one resource");
        }
    }
}

/// <param name="roles">Kinds of roles that may be bound.</param>
internal sealed class RoleBindingStrategy(params string[] roles) : KindStrategy
{
    private const string ApiGroup = "rbac.authorization.k8s.io";

    public override string? CheckName(string name) => NameRules.PathSegment(name);

    public override void Default(JsonObject obj)
    {
        obj.Object("roleRef")?.SetDefault("apiGroup", ApiGroup);
        foreach (var (_, subject) in obj.Items("subjects"))
        {
            if (subject.Text("kind") is "User" or "Group") subject.SetDefault("apiGroup", ApiGroup);
        }
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var role = obj.Object("roleRef");
        if (role.Text("apiGroup") is var group && group != ApiGroup) errors.NotSupported("roleRef.apiGroup", group ?? "", ApiGroup);
        if (role.Text("kind") is var kind && !roles.Contains(kind)) errors.NotSupported("roleRef.kind", kind ?? "", roles);
        if (role.Text("name") is not { Length: > 0 }) errors.Required("roleRef.name");
        foreach (var (i, subject) in obj.Items("subjects"))
        {
            if (subject.Text("name") is not { Length: > 0 }) errors.Required($"subjects[{i}].name");
            switch (subject.Text("kind"))
            {
                case "ServiceAccount":
                    if (roles is ["ClusterRole"] && subject.Text("namespace") is not { Length: > 0 }) errors.Required($"subjects[{i}].namespace");
                    break;
                case not ("User" or "Group") and var other:
                    errors.NotSupported($"subjects[{i}].kind", other ?? "", "ServiceAccount", "User", "Group");
                    break;
            }
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (!JsonNode.DeepEquals(obj["roleRef"], old["roleRef"])) errors.Invalid("roleRef", obj["roleRef"]?.DeepClone(), "cannot change roleRef");
    }
}
