using System.Net;
using System.Net.Sockets;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Slices;

namespace Fairlead.Controllers.EndpointSliceMirroring;

/// <summary>EndpointSlices for Endpoints that somebody keeps by hand (Kubernetes documentation: "EndpointSlices", mirroring).</summary>
internal static class MirroringPlan
{
    public const string ManagedBy = "endpointslicemirroring-controller.k8s.io";
    private const int MaxAddressesPerSubset = 1000;

    /// <summary>Left out: services whose selector has slices of its own, leader election records, and whoever asks to be.</summary>
    public static bool IsMirrored(EndpointsItem endpoints, ServiceItem? service) =>
        service is { Selector.Count: 0, Meta.IsDeleting: false }
        && !endpoints.Meta.IsDeleting
        && !(endpoints.Labels.TryGetValue("endpointslice.kubernetes.io/skip-mirror", out var skip) && skip == "true")
        && !endpoints.Annotations.ContainsKey("control-plane.alpha.kubernetes.io/leader");

    public static IReadOnlyList<SliceGroup> Groups(EndpointsItem endpoints)
    {
        var groups = new Dictionary<(string Family, ValueList<SlicePort> Ports), List<SliceEndpoint>>();
        foreach (var subset in endpoints.Subsets)
        {
            ValueList<SlicePort> ports = [.. subset.Ports.Select(port => new SlicePort(port.Name, port.Protocol, port.Port, port.AppProtocol))];
            var addresses = subset.Ready.Select(address => (Address: address, IsReady: true)).Concat(subset.NotReady.Select(address => (Address: address, IsReady: false)));
            foreach (var (address, isReady) in addresses.Take(MaxAddressesPerSubset))
            {
                if (Family(address.Ip) is not { } family) continue;
                if (!groups.TryGetValue((family, ports), out var home)) groups[(family, ports)] = home = [];
                home.Add(new SliceEndpoint([address.Ip], isReady, null, null)
                {
                    NodeName = address.NodeName,
                    Hostname = address.Hostname,
                    Target = address.Target,
                });
            }
        }
        return [.. groups.Select(group => new SliceGroup(group.Key.Family, group.Key.Ports, group.Value))];
    }

    public static ValueMap Labels(EndpointsItem endpoints)
    {
        var labels = endpoints.Labels.ToDictionary();
        labels[SliceItem.ServiceNameLabel] = endpoints.Key.Name;
        labels[SliceItem.ManagedByLabel] = ManagedBy;
        return ValueMap.From(labels);
    }

    /// <summary>kubectl's record of what was applied describes the Endpoints, not the slice.</summary>
    public static ValueMap Annotations(EndpointsItem endpoints) =>
        ValueMap.From(endpoints.Annotations.AsEnumerable().Where(pair =>
            pair.Key is not ("kubectl.kubernetes.io/last-applied-configuration" or SliceWriter.TriggerAnnotation)));

    private static string? Family(string address) =>
        !IPAddress.TryParse(address, out var ip) ? null : ip.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4";
}
