using k8s;
using k8s.Models;

namespace Fairlead.Kube.Client;

/// <summary>Where a kind lives in the API.</summary>
/// <param name="Group">API group; empty for the core group.</param>
/// <param name="Kind">As in <c>kind:</c> of a manifest.</param>
/// <param name="Plural">The path's last segment, for example <c>endpointslices</c>.</param>
public sealed record ApiResource<T>(string Group, string Version, string Kind, string Plural, bool Namespaced)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>Path below the server's address, without a leading slash.</summary>
    /// <param name="ns">Namespace; null or empty means all of them.</param>
    public string Path(string? ns, string? name = null, string? subresource = null)
    {
        var path = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        if (Namespaced && !string.IsNullOrEmpty(ns)) path += $"/namespaces/{ns}";
        path += $"/{Plural}";
        if (name is not null) path += $"/{name}";
        if (subresource is not null) path += $"/{subresource}";
        return path;
    }
}

/// <summary>The kinds that Fairlead's parts read and write.</summary>
public static class ApiResources
{
    public static readonly ApiResource<V1Namespace> Namespaces = new("", "v1", "Namespace", "namespaces", false);
    public static readonly ApiResource<V1Node> Nodes = new("", "v1", "Node", "nodes", false);
    public static readonly ApiResource<V1Pod> Pods = new("", "v1", "Pod", "pods", true);
    public static readonly ApiResource<V1Service> Services = new("", "v1", "Service", "services", true);
    public static readonly ApiResource<V1Endpoints> Endpoints = new("", "v1", "Endpoints", "endpoints", true);
    public static readonly ApiResource<V1EndpointSlice> EndpointSlices = new("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true);
    public static readonly ApiResource<V1ReplicationController> ReplicationControllers = new("", "v1", "ReplicationController", "replicationcontrollers", true);
    public static readonly ApiResource<V1Deployment> Deployments = new("apps", "v1", "Deployment", "deployments", true);
    public static readonly ApiResource<V1ReplicaSet> ReplicaSets = new("apps", "v1", "ReplicaSet", "replicasets", true);
    public static readonly ApiResource<V1StatefulSet> StatefulSets = new("apps", "v1", "StatefulSet", "statefulsets", true);
    public static readonly ApiResource<V1DaemonSet> DaemonSets = new("apps", "v1", "DaemonSet", "daemonsets", true);
    public static readonly ApiResource<V1ControllerRevision> ControllerRevisions = new("apps", "v1", "ControllerRevision", "controllerrevisions", true);
    public static readonly ApiResource<Corev1Event> Events = new("", "v1", "Event", "events", true);
    public static readonly ApiResource<V1ConfigMap> ConfigMaps = new("", "v1", "ConfigMap", "configmaps", true);
    public static readonly ApiResource<V1Secret> Secrets = new("", "v1", "Secret", "secrets", true);
    public static readonly ApiResource<V1ServiceAccount> ServiceAccounts = new("", "v1", "ServiceAccount", "serviceaccounts", true);
    public static readonly ApiResource<V1Lease> Leases = new("coordination.k8s.io", "v1", "Lease", "leases", true);
    public static readonly ApiResource<V1Ingress> Ingresses = new("networking.k8s.io", "v1", "Ingress", "ingresses", true);
    public static readonly ApiResource<V1ServiceCIDR> ServiceCidrs = new("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", false);
    public static readonly ApiResource<V1RuntimeClass> RuntimeClasses = new("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", false);
    public static readonly ApiResource<V1IngressClass> IngressClasses = new("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false);
    public static readonly ApiResource<V1CertificateSigningRequest> CertificateSigningRequests = new("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", false);
    public static readonly ApiResource<V1ClusterRole> ClusterRoles = new("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false);

    /// <summary>Only to be created: a question that is answered.</summary>
    public static readonly ApiResource<V1SubjectAccessReview> SubjectAccessReviews = new("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", false);
}
