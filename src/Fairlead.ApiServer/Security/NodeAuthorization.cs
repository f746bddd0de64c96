using System.Text.Json.Nodes;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Security;

/// <summary>
/// What a node may do: read what its own pods need, write itself and its own pods (Kubernetes documentation: "Using Node
/// Authorization" and the admission plugin NodeRestriction). A node that was broken into cannot read another's secrets.
/// </summary>
internal sealed class NodeAuthorization(ObjectCache cache, KindTable kinds)
{
    /// <summary>Public to every pod, and mounted into each without being named in its spec.</summary>
    private const string RootCertificate = "kube-root-ca.crt";

    private readonly Kind _pods = kinds.Find("", "v1", "pods")!;

    /// <param name="fieldSelector">Of a list or watch.</param>
    public bool Allows(string node, ApiRequest request, string fieldSelector)
    {
        var reads = request.Verb is "get" or "list" or "watch";
        return (request.Kind!.Plural, request.Subresource) switch
        {
            ("nodes", "") when request.Verb == "create" => true,
            ("nodes", "" or "status") => reads || (request.Name == node && request.Verb is "patch" or "update"),
            ("pods", "") => AllowsPods(node, request, fieldSelector),
            ("pods", "status") => request.Verb is "get" or "patch" or "update" && IsOwn(node, request),
            ("configmaps" or "secrets", "") => request.Verb == "get" && IsNeeded(node, request),
            ("leases", "") => request.Namespace == "kube-node-lease" && (request.Verb == "create" || request.Name == node),
            ("events", "") => request.Verb is "create" or "patch" or "update",
            // A node publishes its own DNS behind kube-system/kube-dns.
            ("endpointslices", "") when request.Namespace == "kube-system" && !reads => request.Verb == "create" || request.Name == DnsSlice(node),
            ("services" or "endpointslices" or "endpoints" or "serviceaccounts" or "namespaces", "") => reads,
            _ => false,
        };
    }

    /// <summary>What a node may create depends on what is in it, which authorization does not see.</summary>
    /// <exception cref="ApiError">403: it is not the node's own.</exception>
    public static void CheckCreate(User user, Kind kind, JsonObject obj)
    {
        if (NodeOf(user) is not { } node) return;
        var name = obj.Text("metadata", "name") ?? "";
        var refused = kind.Plural switch
        {
            "nodes" when name != node => $"node \"{node}\" is not allowed to create node \"{name}\"",
            "leases" when name != node => $"can only access node lease with the same name as the requesting node",
            "endpointslices" when name != DnsSlice(node) => $"node \"{node}\" can only create the EndpointSlice of its own DNS",
            "pods" when obj.Text("metadata", "annotations", "kubernetes.io/config.mirror") is null => "pod does not have \"kubernetes.io/config.mirror\" annotation, node can only create mirror pods",
            "pods" when obj.Text("spec", "nodeName") != node => $"node \"{node}\" can only create pods with spec.nodeName set to itself",
            _ => null,
        };
        if (refused is not null) throw ApiError.Forbidden(kind.QualifiedPlural, name, refused);
    }

    /// <summary>The node's name, or null for anyone else. Masters may do all, whatever else they are.</summary>
    public static string? NodeOf(User user) =>
        user.Groups.Contains(User.Nodes) && !user.Groups.Contains(User.Masters) && user.Name.StartsWith(User.NodeNamePrefix, StringComparison.Ordinal)
            ? user.Name[User.NodeNamePrefix.Length..]
            : null;

    private static string DnsSlice(string node) => $"kube-dns-{node}";

    private bool AllowsPods(string node, ApiRequest request, string fieldSelector) => request.Verb switch
    {
        "create" => true,
        "get" or "delete" => IsOwn(node, request),
        "list" or "watch" => fieldSelector.Split(',').Any(term => term == $"spec.nodeName={node}" || term == $"spec.nodeName=={node}"),
        _ => false,
    };

    /// <summary>Bound to the node; or not there at all, which the node may learn.</summary>
    private bool IsOwn(string node, ApiRequest request) =>
        cache.Find(_pods, _pods.Key(request.Namespace, request.Name)) is not { } pod || pod.Fields["spec.nodeName"] == node;

    private bool IsNeeded(string node, ApiRequest request)
    {
        var secret = request.Kind!.Plural == "secrets";
        if (!secret && request.Name == RootCertificate) return true;
        return cache[_pods].Objects.Values
            .Where(pod => pod.Namespace == request.Namespace && pod.Fields["spec.nodeName"] == node)
            .Any(pod => PodReferences.Names(pod.ToTree().Child("spec"), secret).Contains(request.Name));
    }
}
