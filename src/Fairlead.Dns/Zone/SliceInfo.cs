using System.Net;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Dns.Zone;

/// <summary>An endpoint of a headless service.</summary>
/// <param name="HostName">Its first label below the service: the endpoint's hostname, or else its address with dashes.</param>
internal readonly record struct SliceEndpoint(IPAddress Address, string HostName, bool Ready);

/// <summary>What the zone keeps of an EndpointSlice.</summary>
internal sealed record SliceInfo
{
    private const string ServiceLabel = "kubernetes.io/service-name";
    private const string HeadlessLabel = "service.kubernetes.io/headless";

    /// <summary>Selects the slices of headless services, which the controller that makes them labels so.</summary>
    internal const string OfHeadless = HeadlessLabel;

    /// <summary>
    /// Selects those of the rest that somebody else made and that may lack the label. What is left, the controller's slices of services
    /// with a cluster address, makes no record.
    /// </summary>
    internal const string OfOthers = $"!{HeadlessLabel},endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io";

    public required ObjectKey Service { get; init; }

    public required EquatableArray<NamedPort> Ports { get; init; }

    public required EquatableArray<SliceEndpoint> Endpoints { get; init; }

    /// <summary>The slice, or null when no record can come of it: it has no service, or names hosts (addressType FQDN).</summary>
    internal static SliceInfo? From(V1EndpointSlice slice)
    {
        IDictionary<string, string>? labels = slice.Metadata.Labels;
        if (labels is null || !labels.TryGetValue(ServiceLabel, out string? service) || slice.AddressType is not ("IPv4" or "IPv6"))
        {
            return null;
        }
        return new SliceInfo
        {
            Service = new ObjectKey(slice.Metadata.NamespaceProperty ?? "", service),
            Ports = new((slice.Ports ?? []).Where(port => port.Port is > 0)
                .Select(port => new NamedPort(NamedPort.Shared(port.Name), NamedPort.ProtocolName(port.Protocol), (ushort)port.Port!.Value))),
            Endpoints = new((slice.Endpoints ?? []).Select(Endpoint).OfType<SliceEndpoint>()),
        };
    }

    private static SliceEndpoint? Endpoint(V1Endpoint endpoint)
    {
        // Only the first address is meant to be used; slices with more are deprecated.
        if (endpoint.Addresses is not [string text, ..] || !IPAddress.TryParse(text, out IPAddress? address))
        {
            return null;
        }
        string host = string.IsNullOrEmpty(endpoint.Hostname) ? DashedName(address) : endpoint.Hostname;
        // An absent condition means ready, as the API's documentation of EndpointConditions says.
        return new SliceEndpoint(address, host, endpoint.Conditions?.Ready ?? true);
    }

    /// <summary>The identifier of an endpoint without a hostname: 10-244-0-7, fd00--7.</summary>
    internal static string DashedName(IPAddress address) => address.ToString().Replace('.', '-').Replace(':', '-');
}
