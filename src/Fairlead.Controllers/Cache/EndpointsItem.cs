using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>An Endpoints object, whole.</summary>
internal sealed record EndpointsItem(ObjectKey Key, ObjectMeta Meta, long Version, ValueMap Labels, ValueMap Annotations, ValueList<Subset> Subsets) : ICached
{
    public static EndpointsItem From(V1Endpoints endpoints) => new(
        ObjectKey.Of(endpoints), ObjectMeta.From(endpoints.Metadata), ResourceVersion.Parse(endpoints.Metadata.ResourceVersion),
        ValueMap.From(endpoints.Metadata.Labels), ValueMap.From(endpoints.Metadata.Annotations),
        [.. (endpoints.Subsets ?? []).Select(Subset.From)]);
}

/// <summary>Addresses that share a set of ports.</summary>
internal sealed record Subset(ValueList<SubsetAddress> Ready, ValueList<SubsetAddress> NotReady, ValueList<SubsetPort> Ports)
{
    public static Subset From(V1EndpointSubset subset) => new(
        [.. (subset.Addresses ?? []).Select(SubsetAddress.From)],
        [.. (subset.NotReadyAddresses ?? []).Select(SubsetAddress.From)],
        [.. (subset.Ports ?? []).Select(SubsetPort.From)]);
}

internal sealed record SubsetAddress(string Ip, string? NodeName, string? Hostname, TargetReference? Target)
{
    public static SubsetAddress From(V1EndpointAddress address) =>
        new(address.Ip, address.NodeName, string.IsNullOrEmpty(address.Hostname) ? null : address.Hostname, TargetReference.From(address.TargetRef));
}

internal sealed record SubsetPort(string Name, string Protocol, int Port, string? AppProtocol)
{
    public static SubsetPort From(Corev1EndpointPort port) => new(port.Name ?? "", port.Protocol ?? "TCP", port.Port, port.AppProtocol);
}
