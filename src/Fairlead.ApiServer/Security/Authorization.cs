using Fairlead.ApiServer.HTTP;

namespace Fairlead.ApiServer.Security;

/// <summary>
/// Who may do what: masters everything, nodes what a node needs for itself, anyone health and version,
/// anyone authenticated discovery.
/// </summary>
internal sealed class Authorization(NodeAuthorization nodes)
{
    private static readonly string[] OpenPaths = ["/healthz", "/livez", "/readyz", "/version"];
    private static readonly string[] DiscoveryPaths = ["/api", "/apis", "/openapi"];

    public bool Allows(User user, ApiRequest request, string fieldSelector)
    {
        if (user.Groups.Contains(User.Masters)) return true;
        if (request.Kind is null)
        {
            if (IsUnder(request.Path, OpenPaths)) return true;
            return user != User.Anonymous && request.Verb == "get" && IsUnder(request.Path, DiscoveryPaths);
        }
        return NodeAuthorization.NodeOf(user) is { } node && nodes.Allows(node, request, fieldSelector);
    }

    private static bool IsUnder(string path, string[] roots) =>
        roots.Any(root => path == root || path.StartsWith(root + "/", StringComparison.Ordinal));
}
