using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Security.Rbac;

/// <summary>Nobody grants what he does not hold (Kubernetes documentation: "Using RBAC Authorization", privilege escalation prevention).</summary>
internal sealed class RbacEscalation(Authorization authorization)
{
    private const string ApiGroup = "rbac.authorization.k8s.io";

    /// <summary>Checks a role or binding that a user is about to write; other kinds pass.</summary>
    /// <exception cref="ApiError">403: it would give more than the user has.</exception>
    public void Check(User user, Kind kind, string ns, JsonObject obj)
    {
        if (kind.Group != ApiGroup || user.Groups.Contains(User.Masters)) return;
        var name = obj.Text("metadata", "name") ?? "";
        var (verb, resource, of, wanted) = kind.Name is "Role" or "ClusterRole"
            ? ("escalate", kind.Plural, name, obj.Items("rules").Select(rule => PolicyRule.Read(rule.Item)).ToList())
            : ("bind", obj.Text("roleRef", "kind") == "ClusterRole" ? "clusterroles" : "roles", obj.Text("roleRef", "name") ?? "", RulesOfRole(obj, ns));
        if (authorization.Allows(user, new Access(verb, ApiGroup, resource, ns, of, ""))) return;
        var held = authorization.Rbac.RulesOf(user, ns).ToList();
        var missing = wanted.Where(rule => !PolicyRule.Cover(held, rule)).ToList();
        if (missing.Count == 0) return;
        var groups = string.Join(' ', user.Groups.Select(group => $"\"{group}\""));
        throw ApiError.Forbidden(kind.QualifiedPlural, name,
            $"user \"{user.Name}\" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{string.Join('\n', missing)}");
    }

    private IReadOnlyList<PolicyRule> RulesOfRole(JsonObject binding, string ns)
    {
        var (kind, name) = (binding.Text("roleRef", "kind") ?? "", binding.Text("roleRef", "name") ?? "");
        if (authorization.Rbac.RulesOfRole(kind, name, ns) is { } rules) return rules;
        throw new ApiError(404, "NotFound", $"{(kind == "ClusterRole" ? "clusterroles" : "roles")}.{ApiGroup} \"{name}\" not found");
    }
}
