using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>An EndpointSlice, whole: the controller compares it with what it should be.</summary>
internal sealed record SliceItem(ObjectKey Key, ObjectMeta Meta, long Version, ValueMap Labels, ValueMap Annotations) : ICached
{
    public const string ServiceNameLabel = "kubernetes.io/service-name";
    public const string ManagedByLabel = "endpointslice.kubernetes.io/managed-by";

    /// <summary>IPv4, IPv6 or FQDN; cannot change.</summary>
    public string AddressType { get; init; } = "IPv4";
    public ValueList<SlicePort> Ports { get; init; } = [];
    public ValueList<SliceEndpoint> Endpoints { get; init; } = [];

    public string ManagedBy => Labels.TryGetValue(ManagedByLabel, out var name) ? name : "";

    /// <summary>The service that the slice belongs to; the name is empty for a slice without the label.</summary>
    public ObjectKey Service => new(Key.Namespace, Labels.TryGetValue(ServiceNameLabel, out var name) ? name : "");

    public static SliceItem From(V1EndpointSlice slice) => new(
        ObjectKey.Of(slice), ObjectMeta.From(slice.Metadata), ResourceVersion.Parse(slice.Metadata.ResourceVersion),
        ValueMap.From(slice.Metadata.Labels), ValueMap.From(slice.Metadata.Annotations))
    {
        AddressType = slice.AddressType,
        Ports = [.. (slice.Ports ?? []).Select(SlicePort.From)],
        Endpoints = [.. (slice.Endpoints ?? []).Select(SliceEndpoint.From)],
    };
}

internal sealed record SlicePort(string Name, string Protocol, int? Port, string? AppProtocol)
{
    public static SlicePort From(Discoveryv1EndpointPort port) => new(port.Name ?? "", port.Protocol ?? "TCP", port.Port, port.AppProtocol);
}

internal sealed record SliceEndpoint(ValueList<string> Addresses, bool? Ready, bool? Serving, bool? Terminating)
{
    public string? NodeName { get; init; }
    public string? Zone { get; init; }
    public string? Hostname { get; init; }
    public TargetReference? Target { get; init; }
    public ValueList<string> ForZones { get; init; } = [];
    public ValueList<string> ForNodes { get; init; } = [];

    /// <summary>Two endpoints with the same identity are the same one in two states.</summary>
    public (string Address, string? Uid) Identity => (Addresses.Count > 0 ? Addresses[0] : "", Target?.Uid);

    public static SliceEndpoint From(V1Endpoint endpoint) =>
        new([.. endpoint.Addresses ?? []], endpoint.Conditions?.Ready, endpoint.Conditions?.Serving, endpoint.Conditions?.Terminating)
        {
            NodeName = endpoint.NodeName,
            Zone = endpoint.Zone,
            Hostname = endpoint.Hostname,
            Target = TargetReference.From(endpoint.TargetRef),
            ForZones = [.. (endpoint.Hints?.ForZones ?? []).Select(zone => zone.Name)],
            ForNodes = [.. (endpoint.Hints?.ForNodes ?? []).Select(node => node.Name)],
        };
}

/// <summary>The object behind an address, mostly a Pod.</summary>
internal sealed record TargetReference(string Kind, string Namespace, string Name, string Uid)
{
    public static TargetReference? From(V1ObjectReference? target) =>
        target is null ? null : new(target.Kind ?? "", target.NamespaceProperty ?? "", target.Name ?? "", target.Uid ?? "");

    public V1ObjectReference ToReference() => new() { Kind = Kind, NamespaceProperty = Namespace, Name = Name, Uid = Uid };
}
