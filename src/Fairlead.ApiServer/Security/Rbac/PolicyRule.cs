using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Security.Rbac;

/// <summary>What somebody wants to do, in the terms that rules speak of.</summary>
/// <param name="Resource">With its subresource: <c>pods/log</c>. Empty for a path that is no resource.</param>
/// <param name="Path">Of such a path.</param>
internal sealed record Access(string Verb, string Group, string Resource, string Namespace, string Name, string Path)
{
    public bool IsResource => Resource.Length > 0;
}

/// <summary>One rule of a Role or ClusterRole (Kubernetes documentation: "Using RBAC Authorization").</summary>
internal sealed record PolicyRule(
    IReadOnlyList<string> Verbs, IReadOnlyList<string> Groups, IReadOnlyList<string> Resources, IReadOnlyList<string> Names, IReadOnlyList<string> Paths)
{
    private const string All = "*";

    public static PolicyRule Read(JsonNode? rule) => new(
        [.. rule.Texts("verbs")], [.. rule.Texts("apiGroups")], [.. rule.Texts("resources")], [.. rule.Texts("resourceNames")], [.. rule.Texts("nonResourceURLs")]);

    public bool Allows(Access access)
    {
        if (!Has(Verbs, access.Verb)) return false;
        if (!access.IsResource) return Paths.Any(path => path == All || path == access.Path || (path.EndsWith('*') && access.Path.StartsWith(path[..^1], StringComparison.Ordinal)));
        return Has(Groups, access.Group) && HasResource(access.Resource) && (Names.Count == 0 || Names.Contains(access.Name));
    }

    /// <summary>Whether everything that the other rule allows is allowed by one of these (escalation prevention).</summary>
    public static bool Cover(IReadOnlyList<PolicyRule> held, PolicyRule wanted) => wanted.Single().All(one => held.Any(rule => rule.Covers(one)));

    public JsonObject ToJson()
    {
        var json = new JsonObject { ["verbs"] = Verbs.ToJsonArray() };
        if (Groups.Count > 0) json["apiGroups"] = Groups.ToJsonArray();
        if (Resources.Count > 0) json["resources"] = Resources.ToJsonArray();
        if (Names.Count > 0) json["resourceNames"] = Names.ToJsonArray();
        if (Paths.Count > 0) json["nonResourceURLs"] = Paths.ToJsonArray();
        return json;
    }

    /// <summary>As messages of escalation prevention show a rule.</summary>
    public override string ToString()
    {
        var parts = new List<string>();
        foreach (var (name, values) in (ReadOnlySpan<(string, IReadOnlyList<string>)>)[("APIGroups", Groups), ("Resources", Resources), ("ResourceNames", Names), ("NonResourceURLs", Paths), ("Verbs", Verbs)])
        {
            if (values.Count > 0) parts.Add($"{name}:[{string.Join(' ', values.Select(value => $"\"{value}\""))}]");
        }
        return $"{{{string.Join(", ", parts)}}}";
    }

    /// <summary>The rule as rules of one verb, group, resource, name or path each.</summary>
    private IEnumerable<PolicyRule> Single()
    {
        foreach (var verb in Verbs)
        {
            foreach (var path in Paths) yield return new PolicyRule([verb], [], [], [], [path]);
            foreach (var group in Groups)
            {
                foreach (var resource in Resources)
                {
                    if (Names.Count == 0) yield return new PolicyRule([verb], [group], [resource], [], []);
                    foreach (var name in Names) yield return new PolicyRule([verb], [group], [resource], [name], []);
                }
            }
        }
    }

    private bool Covers(PolicyRule one)
    {
        if (!Has(Verbs, one.Verbs[0])) return false;
        if (one.Paths.Count > 0) return Paths.Any(path => path == All || path == one.Paths[0] || (path.EndsWith('*') && one.Paths[0].StartsWith(path[..^1], StringComparison.Ordinal)));
        return Has(Groups, one.Groups[0]) && HasResource(one.Resources[0]) && (Names.Count == 0 || (one.Names.Count > 0 && Names.Contains(one.Names[0])));
    }

    private bool HasResource(string resource)
    {
        if (Has(Resources, resource)) return true;
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        return slash >= 0 && Resources.Contains(All + resource[slash..]);
    }

    private static bool Has(IReadOnlyList<string> list, string value) => list.Contains(value) || list.Contains(All);

}
