using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Ingress.Routes.Objects;

/// <param name="Name">The pod's name where there is one, else the address: what an affinity cookie stands for.</param>
/// <param name="Node">Empty where it is not known.</param>
/// <param name="Draining">Terminating, and still answering.</param>
internal readonly record struct SliceEndpoint(string Address, string Name, string Node, bool Ready, bool Draining);

/// <summary>What is kept of an EndpointSlice.</summary>
internal sealed record SliceInfo(ObjectKey Service, EquatableArray<ServicePort> Ports, EquatableArray<SliceEndpoint> Endpoints)
{
    private const string ServiceLabel = "kubernetes.io/service-name";

    /// <summary>Null for a slice that is no Service's, or has no port for TCP.</summary>
    internal static SliceInfo? From(V1EndpointSlice slice)
    {
        if (slice.Metadata.Labels is not { } labels || !labels.TryGetValue(ServiceLabel, out var service)) return null;
        var ports = (slice.Ports ?? []).Where(port => port.Port is > 0 && port.Protocol is null or "TCP").ToList();
        return ports.Count == 0 ? null : new SliceInfo(
            new ObjectKey(slice.Metadata.NamespaceProperty ?? "", service),
            new(ports.Select(port => new ServicePort(port.Name ?? "", port.Port!.Value))),
            new((slice.Endpoints ?? []).Where(endpoint => endpoint.Addresses is { Count: > 0 }).Select(Endpoint)));
    }

    // Only the first address is meant to be used. An absent condition means ready, and serving what ready says.
    private static SliceEndpoint Endpoint(V1Endpoint endpoint)
    {
        var conditions = endpoint.Conditions;
        var ready = conditions?.Ready ?? true;
        return new SliceEndpoint(
            endpoint.Addresses[0], endpoint.TargetRef?.Name ?? endpoint.Addresses[0], endpoint.NodeName ?? "", ready,
            !ready && (conditions?.Serving ?? false) && (conditions?.Terminating ?? false));
    }
}
