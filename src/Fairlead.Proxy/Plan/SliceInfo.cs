using System.Globalization;
using System.Net;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Proxy.Plan;

/// <summary>A port that the endpoints of a slice listen on.</summary>
internal readonly record struct SlicePort(string Name, byte Protocol, ushort Port);

/// <summary>An endpoint of a slice.</summary>
/// <param name="Address">The pod's address.</param>
/// <param name="Ready">Takes new connections.</param>
/// <param name="LastResort">Serving while it terminates: used when no endpoint is ready.</param>
/// <param name="IsLocal">On this node.</param>
internal readonly record struct SliceEndpoint(IPAddress Address, bool Ready, bool LastResort, bool IsLocal)
{
    /// <summary>It names no node: it is local to none, but may be a pod of this one that reaches itself.</summary>
    public bool IsNowhere { get; init; }

    /// <summary>Hint forNodes: for which nodes it is meant.</summary>
    public NodeHint NodeHint { get; init; }

    /// <summary>Hint forZones: for which zones it is meant; empty: it has none.</summary>
    public EquatableArray<string> ZoneHints { get; init; }
}

/// <summary>What an endpoint's hints say of nodes.</summary>
internal enum NodeHint : byte
{
    None,
    Here,
    Elsewhere,
}

/// <summary>What the proxy keeps of an EndpointSlice.</summary>
internal sealed record SliceInfo
{
    private const string ServiceLabel = "kubernetes.io/service-name";
    private const string HeadlessLabel = "service.kubernetes.io/headless";
    private const string TriggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

    public required ObjectKey Service { get; init; }

    public required bool IsIPv6 { get; init; }

    public required EquatableArray<SlicePort> Ports { get; init; }

    public required EquatableArray<SliceEndpoint> Endpoints { get; init; }

    /// <summary>When the change happened that made the slice what it is; the start of network programming latency.</summary>
    public DateTimeOffset? Trigger { get; init; }

    /// <summary>The slice, or null when it belongs to no service, to a headless one, or names hosts (addressType FQDN).</summary>
    internal static SliceInfo? From(V1EndpointSlice slice, string nodeName)
    {
        IDictionary<string, string>? labels = slice.Metadata.Labels;
        if (labels is null || !labels.TryGetValue(ServiceLabel, out string? service) || labels.ContainsKey(HeadlessLabel)
            || slice.AddressType is not ("IPv4" or "IPv6"))
        {
            return null;
        }
        return new SliceInfo
        {
            Service = new ObjectKey(slice.Metadata.NamespaceProperty ?? "", service),
            IsIPv6 = slice.AddressType == "IPv6",
            // A port without a number stands for all ports, which no service rule can be made of.
            Ports = new((slice.Ports ?? []).Where(port => port.Port is > 0)
                .Select(port => new SlicePort(port.Name ?? "", Protocols.Number(port.Protocol), (ushort)port.Port!.Value))),
            Endpoints = new((slice.Endpoints ?? []).Select(endpoint => Endpoint(endpoint, nodeName)).OfType<SliceEndpoint>()),
            Trigger = ReadTrigger(slice.Metadata.Annotations),
        };
    }

    // Absent conditions mean ready, as the API's documentation of EndpointConditions says.
    private static SliceEndpoint? Endpoint(V1Endpoint endpoint, string nodeName)
    {
        // Only the first address is meant to be used; slices with more are deprecated.
        if (endpoint.Addresses is not [string text, ..] || !IPAddress.TryParse(text, out IPAddress? address))
        {
            return null;
        }
        bool ready = endpoint.Conditions?.Ready ?? true;
        bool serving = endpoint.Conditions?.Serving ?? ready;
        bool terminating = endpoint.Conditions?.Terminating ?? false;
        return new SliceEndpoint(address, ready, serving && terminating, endpoint.NodeName == nodeName)
        {
            IsNowhere = endpoint.NodeName is null,
            NodeHint = (endpoint.Hints?.ForNodes ?? []) switch
            {
                [] => NodeHint.None,
                { } nodes => nodes.Any(node => node.Name == nodeName) ? NodeHint.Here : NodeHint.Elsewhere,
            },
            // Zones are few and endpoints many.
            ZoneHints = new((endpoint.Hints?.ForZones ?? []).Select(zone => string.Intern(zone.Name))),
        };
    }

    private static DateTimeOffset? ReadTrigger(IDictionary<string, string>? annotations) =>
        annotations is not null && annotations.TryGetValue(TriggerAnnotation, out string? text)
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out DateTimeOffset time)
            ? time
            : null;
}
