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
        if (request.Kind?.Group == ResourceMetrics.Group) return false;
        var reads = request.Verb is "get" or "list" or "watch";
        return (request.Kind!.Plural, request.Subresource) switch
        {
            ("nodes", "") when request.Verb == "create" => true,
            ("nodes", "" or "status") => reads || (request.Name == node && request.Verb is "patch" or "update"),
            ("pods", "") => AllowsPods(node, request, fieldSelector),
            ("pods", "status") => request.Verb is "get" or "patch" or "update" && IsOwn(node, request),
            ("configmaps" or "secrets", "") => reads && IsNeeded(node, request, request.Verb == "get" ? request.Name : NameIn(fieldSelector)),
            // The bound pod is in the body.
            ("serviceaccounts", "token") => request.Verb == "create",
            // The nodes agree by Leases on who answers for a load balancer's address.
            ("leases", "") when request.Namespace == BalancerLeases => reads || request.Verb == "create" || IsBalancerLease(request.Namespace, request.Name),
            ("leases", "") => request.Namespace == "kube-node-lease" && (request.Verb == "create" || request.Name == node),
            // A node renews its certificates.
            ("certificatesigningrequests", "") => reads || request.Verb == "create",
            // Its kubelet API asks so who may use it.
            ("tokenreviews" or "subjectaccessreviews", "") => request.Verb == "create",
            ("events", "") => request.Verb is "create" or "patch" or "update",
            // A node publishes its own DNS behind kube-system/kube-dns, its own ingress behind fairlead-system/ingress.
            ("endpointslices", "") when !reads && OwnSlices(node).Any(own => own.Namespace == request.Namespace) => request.Verb == "create" || OwnSlices(node).Contains((request.Namespace, request.Name)),
            ("services" or "endpointslices" or "endpoints" or "serviceaccounts" or "namespaces" or "runtimeclasses" or "servicecidrs", "") => reads,
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
            "leases" when name != node && !IsBalancerLease(obj.Text("metadata", "namespace"), name) => $"can only access node lease with the same name as the requesting node",
            "endpointslices" when !OwnSlices(node).Contains((obj.Text("metadata", "namespace") ?? "", name)) => $"node \"{node}\" can only create the EndpointSlices of its own DNS and ingress",
            "pods" when obj.Text("metadata", "annotations", "kubernetes.io/config.mirror") is null => "pod does not have \"kubernetes.io/config.mirror\" annotation, node can only create mirror pods",
            "pods" when obj.Text("spec", "nodeName") != node => $"node \"{node}\" can only create pods with spec.nodeName set to itself",
            "pods" => WhyNoMirror(node, obj),
            _ => null,
        };
        if (refused is not null) throw ApiError.Forbidden(kind.QualifiedPlural, name, refused);
    }

    /// <summary>
    /// A mirror refers to nothing of the API, or a node could name in it whatever it wants to read; and it goes with its node, which owns it
    /// (Kubernetes documentation: "Admission Control in Kubernetes", NodeRestriction).
    /// </summary>
    private static string? WhyNoMirror(string node, JsonObject pod)
    {
        var spec = pod.Child("spec");
        if (spec.Text("serviceAccountName") is { Length: > 0 }) return $"node \"{node}\" can not create pods that reference a service account";
        if (PodReferences.Names(spec, secrets: true).Any()) return $"node \"{node}\" can not create pods that reference secrets";
        if (PodReferences.Names(spec, secrets: false).Any()) return $"node \"{node}\" can not create pods that reference configmaps";
        if (spec.Items("volumes").Any(volume => volume.Item.Object("persistentVolumeClaim") is not null)) return $"node \"{node}\" can not create pods that reference persistentvolumeclaims";
        if (spec.Items("volumes").SelectMany(volume => volume.Item.Items("projected", "sources")).Any(source => source.Item.Object("serviceAccountToken") is not null))
            return $"node \"{node}\" can not create pods that reference service account tokens";
        var owners = pod.Items("metadata", "ownerReferences").Select(owner => owner.Item).ToList();
        return owners is [var one] && one.Text("kind") == "Node" && one.Text("name") == node && one.Flag("controller") == true && one.Flag("blockOwnerDeletion") != true
            ? null
            : $"pod must have an owner reference set to controller=true, of node \"{node}\"";
    }

    /// <summary>A node gets tokens of its own pods' accounts alone, bound to those pods.</summary>
    /// <param name="pod">To which the token shall be bound.</param>
    /// <exception cref="ApiError">403: it is another's.</exception>
    public static void CheckToken(User user, StoredObject account, JsonObject? pod)
    {
        if (NodeOf(user) is not { } node) return;
        if (pod is null) throw ApiError.Forbidden("serviceaccounts", account.Name, "node requested token not bound to a pod");
        if (pod.Text("spec", "nodeName") != node) throw ApiError.Forbidden("serviceaccounts", account.Name, $"node requested token bound to a pod scheduled on a different node");
        if (pod.Text("spec", "serviceAccountName") != account.Name) throw ApiError.Forbidden("serviceaccounts", account.Name, "node requested token for a service account that the pod does not run as");
    }

    /// <summary>The node's name, or null for anyone else. Masters may do all, whatever else they are.</summary>
    public static string? NodeOf(User user) =>
        user.Groups.Contains(User.Nodes) && !user.Groups.Contains(User.Masters) && user.Name.StartsWith(User.NodeNamePrefix, StringComparison.Ordinal)
            ? user.Name[User.NodeNamePrefix.Length..]
            : null;

    private const string BalancerLeases = "kube-system";

    private static bool IsBalancerLease(string? ns, string? name) => ns == BalancerLeases && name?.StartsWith("fairlead-lb-", StringComparison.Ordinal) == true;

    private static (string Namespace, string Name)[] OwnSlices(string node) => [("kube-system", $"kube-dns-{node}"), ("fairlead-system", $"ingress-{node}")];

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

    /// <summary>A list or watch of one object counts as reading that object.</summary>
    private static string NameIn(string fieldSelector) =>
        fieldSelector.StartsWith("metadata.name=", StringComparison.Ordinal) && !fieldSelector.Contains(',', StringComparison.Ordinal)
            ? fieldSelector["metadata.name=".Length..].TrimStart('=')
            : "";

    private bool IsNeeded(string node, ApiRequest request, string name)
    {
        if (name.Length == 0) return false;
        var secret = request.Kind!.Plural == "secrets";
        if (!secret && name == RootCertificate) return true;
        return cache[_pods].Objects.Values
            .Where(pod => pod.Namespace == request.Namespace && pod.Fields["spec.nodeName"] == node)
            .Any(pod => PodReferences.Names(pod.ToTree().Child("spec"), secret).Contains(name));
    }
}
