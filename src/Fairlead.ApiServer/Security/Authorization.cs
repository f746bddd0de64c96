using Fairlead.ApiServer.HTTP;

namespace Fairlead.ApiServer.Security;

/// <summary>
/// Who may do what: masters everything, nodes what a node needs for itself, anyone health and version,
/// anyone authenticated discovery.
/// </summary>
internal static class Authorization
{
    private static readonly string[] OpenPaths = ["/healthz", "/livez", "/readyz", "/version"];
    private static readonly string[] DiscoveryPaths = ["/api", "/apis", "/openapi"];

    public static bool Allows(User user, ApiRequest request)
    {
        if (user.Groups.Contains(User.Masters)) return true;
        if (request.Kind is null)
        {
            if (IsUnder(request.Path, OpenPaths)) return true;
            return user != User.Anonymous && request.Verb == "get" && IsUnder(request.Path, DiscoveryPaths);
        }
        return user.Groups.Contains(User.Nodes) && user.Name.StartsWith(User.NodeNamePrefix, StringComparison.Ordinal)
            && NodeMay(user.Name[User.NodeNamePrefix.Length..], request);
    }

    /// <summary>As Kubernetes' node authorizer and NodeRestriction: read what pods need, write oneself and one's own pods.</summary>
    private static bool NodeMay(string node, ApiRequest request)
    {
        var reads = request.Verb is "get" or "list" or "watch";
        return (request.Kind!.Plural, request.Subresource) switch
        {
            ("nodes", "") when request.Verb == "create" => true,
            ("nodes", _) => reads || request.Name == node,
            ("pods", "" or "status") => reads || request.Verb is "patch" or "update" or "delete" or "create",
            ("leases", "") => request.Namespace == "kube-node-lease" && (request.Verb == "create" || request.Name == node),
            ("events", "") => request.Verb is "create" or "patch" or "update",
            // A node publishes its own DNS behind kube-system/kube-dns.
            ("endpointslices", "") when request.Namespace == "kube-system" && (request.Verb == "create" || request.Name == $"kube-dns-{node}") => true,
            ("services" or "endpointslices" or "endpoints" or "configmaps" or "secrets" or "serviceaccounts" or "namespaces", "") => reads,
            _ => false,
        };
    }

    private static bool IsUnder(string path, string[] roots) =>
        roots.Any(root => path == root || path.StartsWith(root + "/", StringComparison.Ordinal));
}
