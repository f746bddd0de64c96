using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Security.Rbac;

/// <summary>
/// Role-based access: rules of the roles that are bound to a user or one of his groups. Roles and bindings are read once each
/// version, not once a request.
/// </summary>
internal sealed class RbacAuthorizer(ObjectCache cache, KindTable kinds)
{
    private const string ApiGroup = "rbac.authorization.k8s.io";
    private readonly Kind _roles = kinds.Find(ApiGroup, "v1", "roles")!;
    private readonly Kind _clusterRoles = kinds.Find(ApiGroup, "v1", "clusterroles")!;
    private readonly Kind _roleBindings = kinds.Find(ApiGroup, "v1", "rolebindings")!;
    private readonly Kind _clusterRoleBindings = kinds.Find(ApiGroup, "v1", "clusterrolebindings")!;
    private readonly ConcurrentDictionary<string, (long Revision, object Value)> _read = new();

    public bool Allows(User user, Access access) => RulesOf(user, access.IsResource ? access.Namespace : "").Any(rule => rule.Allows(access));

    /// <summary>All rules that hold for a user: those of the whole cluster, and those of a namespace.</summary>
    /// <param name="ns">Empty: of the whole cluster alone.</param>
    public IEnumerable<PolicyRule> RulesOf(User user, string ns)
    {
        foreach (var rule in RulesOf(user, _clusterRoleBindings, "")) yield return rule;
        if (ns.Length == 0) yield break;
        foreach (var rule in RulesOf(user, _roleBindings, ns)) yield return rule;
    }

    /// <summary>The rules of the role that a binding in that namespace names; null where there is none.</summary>
    public IReadOnlyList<PolicyRule>? RulesOfRole(string kind, string name, string ns)
    {
        var of = kind == "ClusterRole" ? _clusterRoles : _roles;
        return cache.Find(of, of.Key(ns, name)) is { } role ? Read(role, obj => obj.Items("rules").Select(pair => PolicyRule.Read(pair.Item)).ToList()) : null;
    }

    private IEnumerable<PolicyRule> RulesOf(User user, Kind bindings, string ns)
    {
        foreach (var stored in cache[bindings].Objects.Values)
        {
            if (ns.Length > 0 && stored.Namespace != ns) continue;
            var binding = Read(stored, Binding.Read);
            if (!binding.Concerns(user)) continue;
            foreach (var rule in RulesOfRole(binding.RoleKind, binding.RoleName, ns) ?? []) yield return rule;
        }
    }

    private T Read<T>(StoredObject stored, Func<JsonObject, T> read) where T : notnull
    {
        if (_read.TryGetValue(stored.Key, out var known) && known.Revision == stored.Revision && known.Value is T value) return value;
        value = read(stored.ToTree());
        _read[stored.Key] = (stored.Revision, value);
        return value;
    }

    private sealed record Binding(string RoleKind, string RoleName, IReadOnlyList<(string Kind, string Name)> Subjects)
    {
        public static Binding Read(JsonObject obj)
        {
            var ns = obj.Text("metadata", "namespace") ?? "";
            var subjects = obj.Items("subjects").Select(pair => pair.Item).Select(subject => subject.Text("kind") switch
            {
                "ServiceAccount" => ("User", $"{User.ServiceAccountPrefix}{subject.Text("namespace") ?? ns}:{subject.Text("name")}"),
                var kind => (kind ?? "", subject.Text("name") ?? ""),
            });
            return new Binding(obj.Text("roleRef", "kind") ?? "", obj.Text("roleRef", "name") ?? "", [.. subjects]);
        }

        public bool Concerns(User user) => Subjects.Any(subject => subject.Kind == "User" ? subject.Name == user.Name : subject.Kind == "Group" && user.Groups.Contains(subject.Name));
    }
}
