using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.HTTP.Tunnels;
using Fairlead.ApiServer.Security.Rbac;

namespace Fairlead.ApiServer.Security;

/// <summary>Who may do what: masters everything, nodes what a node needs for itself, all others what roles allow.</summary>
internal sealed class Authorization(NodeAuthorization nodes, RbacAuthorizer rbac)
{
    private static readonly string[] OpenPaths = ["/healthz", "/livez", "/readyz", "/version"];

    public RbacAuthorizer Rbac => rbac;

    public bool Allows(User user, ApiRequest request, string fieldSelector)
    {
        if (user.Groups.Contains(User.Masters)) return true;
        if (request.Kind is null && OpenPaths.Any(root => request.Path == root || request.Path.StartsWith(root + "/", StringComparison.Ordinal))) return true;
        if (request.Kind is null && AgentTunnels.TryParse(request.Path, out var tunnelled, out _)) return NodeAuthorization.NodeOf(user) == tunnelled;
        if (request.Kind is not null && NodeAuthorization.NodeOf(user) is { } node && nodes.Allows(node, request, fieldSelector)) return true;
        return rbac.Allows(user, AccessOf(request));
    }

    /// <summary>The same of an access that was described rather than tried, by an access review.</summary>
    public bool Allows(User user, Access access) => user.Groups.Contains(User.Masters) || rbac.Allows(user, access);

    public static Access AccessOf(ApiRequest request) => request.Kind is { } kind
        ? new Access(request.Verb, kind.Group, request.Subresource.Length > 0 ? $"{kind.Plural}/{request.Subresource}" : kind.Plural, request.Namespace, request.Name, "")
        : new Access(request.Verb, "", "", "", "", request.Path.Length == 0 ? "/" : request.Path);
}
