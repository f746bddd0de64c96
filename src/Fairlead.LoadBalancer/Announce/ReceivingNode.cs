using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>
/// A node that may receive traffic from outside. One that is cordoned may: it takes no new pods, but serves
/// (https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-exclude-from-external-load-balancers).
/// </summary>
internal sealed record ReceivingNode(string Name)
{
    private const string Excluded = "node.kubernetes.io/exclude-from-external-load-balancers";

    public static ReceivingNode? Of(V1Node node) =>
        node.Metadata.Labels?.ContainsKey(Excluded) != true
        && node.Metadata.DeletionTimestamp is null
        && node.Status?.Conditions?.Any(condition => condition.Type == "Ready" && condition.Status == "True") == true
        && node.Status.Conditions.Any(condition => condition.Type == "NetworkUnavailable" && condition.Status == "True") != true
            ? new ReceivingNode(node.Metadata.Name)
            : null;
}

/// <param name="Nodes">Names of the nodes with a ready endpoint, sorted and joined by commas.</param>
internal sealed record SliceNodes(ObjectKey Service, string Nodes)
{
    public static SliceNodes? Of(V1EndpointSlice slice) =>
        slice.Metadata.Labels is { } labels && labels.TryGetValue("kubernetes.io/service-name", out var name)
            ? new SliceNodes(
                new ObjectKey(slice.Metadata.NamespaceProperty, name),
                string.Join(',', (slice.Endpoints ?? []).Where(endpoint => endpoint.Conditions?.Ready != false && endpoint.NodeName is not null)
                    .Select(endpoint => endpoint.NodeName).Distinct().Order(StringComparer.Ordinal)))
            : null;
}
