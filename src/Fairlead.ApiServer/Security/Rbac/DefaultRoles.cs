using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Security.Rbac;

/// <summary>Reads the roles and bindings of every cluster from default-roles.txt.</summary>
internal static class DefaultRoles
{
    private const string ApiGroup = "rbac.authorization.k8s.io";
    private const string AggregateLabel = "rbac.authorization.k8s.io/aggregate-to-";

    /// <summary>The objects with the plural under which each is written.</summary>
    public static IReadOnlyList<(string Plural, JsonObject Object)> Read()
    {
        using var stream = typeof(DefaultRoles).Assembly.GetManifestResourceStream("default-roles.txt")
            ?? throw new InvalidOperationException("The default roles are not embedded in this build.");
        using var reader = new StreamReader(stream);
        var objects = new List<(string Plural, JsonObject Object)>();
        JsonArray rules = [];
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#')) continue;
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is ["role", var role, .. var labels]) objects.Add((IsOfNamespace(role) ? "roles" : "clusterroles", Role(role, labels, rules = [])));
            else if (words is ["bind", var name, var bound, .. var subjects]) objects.Add((IsOfNamespace(name) ? "rolebindings" : "clusterrolebindings", Binding(name, bound, subjects)));
            else if (words is [var verbs, var groups, var what, .. var names]) rules.Add((JsonNode)Rule(verbs, groups, what, names));
        }
        foreach (var (_, role) in objects) Aggregate(role, objects);
        return objects;
    }

    private static bool IsOfNamespace(string name) => name.Contains('/', StringComparison.Ordinal);

    private static JsonObject Metadata(string name, IEnumerable<string> aggregateTo) => new()
    {
        ["name"] = name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..],
        ["namespace"] = name[..Math.Max(0, name.IndexOf('/', StringComparison.Ordinal))],
        ["labels"] = new JsonObject([
            KeyValuePair.Create("kubernetes.io/bootstrapping", (JsonNode?)"rbac-defaults"),
            .. aggregateTo.Select(to => KeyValuePair.Create(AggregateLabel + to, (JsonNode?)"true")),
        ]),
        ["annotations"] = new JsonObject { ["rbac.authorization.kubernetes.io/autoupdate"] = "true" },
    };

    private static JsonObject Role(string name, string[] words, JsonArray rules)
    {
        var pairs = words.Chunk(2).ToList();
        var role = new JsonObject { ["metadata"] = Metadata(name, pairs.Where(pair => pair[0] == "aggregate-to").Select(pair => pair[1])), ["rules"] = rules };
        if (pairs.FirstOrDefault(pair => pair[0] == "aggregates") is [_, var label])
        {
            role["aggregationRule"] = new JsonObject
            {
                ["clusterRoleSelectors"] = new JsonArray(new JsonObject { ["matchLabels"] = new JsonObject { [AggregateLabel + label] = "true" } }),
            };
        }
        return role;
    }

    private static JsonObject Rule(string verbs, string groups, string what, string[] names)
    {
        var rule = new JsonObject { ["verbs"] = List(verbs) };
        if (groups == "url") rule["nonResourceURLs"] = List(what);
        else (rule["apiGroups"], rule["resources"]) = (List(groups), List(what));
        if (names.Length > 0) rule["resourceNames"] = names.ToJsonArray();
        return rule;
    }

    private static JsonArray List(string words) => words.Split(',').Select(word => word == "core" ? "" : word).ToJsonArray();

    private static JsonObject Binding(string name, string role, string[] subjects) => new()
    {
        ["metadata"] = Metadata(name, []),
        ["roleRef"] = new JsonObject { ["apiGroup"] = ApiGroup, ["kind"] = IsOfNamespace(name) ? "Role" : "ClusterRole", ["name"] = role },
        ["subjects"] = new JsonArray([.. subjects.Select(Subject)]),
    };

    private static JsonObject Subject(string text)
    {
        var (kind, name) = (text[..text.IndexOf(':', StringComparison.Ordinal)], text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]);
        if (kind == "account") return new JsonObject { ["kind"] = "ServiceAccount", ["namespace"] = name.Split('/')[0], ["name"] = name.Split('/')[1] };
        return new JsonObject { ["apiGroup"] = ApiGroup, ["kind"] = kind == "group" ? "Group" : "User", ["name"] = name };
    }

    /// <summary>The rules of an aggregating role as the controller would write them, so that they hold from the first moment.</summary>
    private static JsonArray Aggregate(JsonObject role, IReadOnlyList<(string Plural, JsonObject Object)> all)
    {
        if (role.Items("aggregationRule", "clusterRoleSelectors").FirstOrDefault().Item is not { } selector) return role.Array("rules") ?? [];
        if (role.Array("rules") is { Count: > 0 } done) return done;
        var label = selector.Object("matchLabels")!.Single().Key;
        var rules = all.Where(other => other.Object.Text("metadata", "labels", label) is not null).OrderBy(other => other.Object.Text("metadata", "name"), StringComparer.Ordinal)
            .SelectMany(other => Aggregate(other.Object, all)).DistinctBy(rule => rule!.ToText()).Select(rule => rule!.DeepClone());
        var gathered = new JsonArray([.. rules]);
        role["rules"] = gathered;
        return gathered;
    }
}
