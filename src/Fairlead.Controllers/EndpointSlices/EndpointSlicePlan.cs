using System.Net;
using System.Net.Sockets;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Slices;

namespace Fairlead.Controllers.EndpointSlices;

/// <summary>
/// The endpoints of a service with a selector, as a pure function of the service and its pods
/// (Kubernetes documentation: "EndpointSlices", "Service").
/// </summary>
internal static class EndpointSlicePlan
{
    public const string ManagedBy = "endpointslice-controller.k8s.io";
    private const string HeadlessLabel = "service.kubernetes.io/headless";

    /// <summary>Groups pods by the ports that the service's ports are on them, for each address family of the service.</summary>
    /// <param name="node">Finds a node by name.</param>
    public static IReadOnlyList<SliceGroup> Groups(ServiceItem service, IEnumerable<PodItem> pods, Func<string, NodeItem?> node)
    {
        var groups = new Dictionary<(string Family, ValueList<SlicePort> Ports), List<SliceEndpoint>>();
        foreach (var pod in pods.OrderBy(pod => pod.Key.Name, StringComparer.Ordinal))
        {
            if (pod.IsTerminal || pod.Addresses.Count == 0) continue;
            var ports = Ports(service, pod);
            foreach (var family in service.Families)
            {
                if (Address(pod, family) is not { } address) continue;
                if (!groups.TryGetValue((family, ports), out var endpoints)) groups[(family, ports)] = endpoints = [];
                endpoints.Add(Endpoint(service, pod, address, node(pod.NodeName)));
            }
        }
        return [.. groups.Select(group => new SliceGroup(group.Key.Family, group.Key.Ports, group.Value))];
    }

    /// <summary>Labels of the service's slices: its own, and those by which slices are found.</summary>
    public static ValueMap Labels(ServiceItem service)
    {
        var labels = service.Labels.ToDictionary();
        labels.Remove(HeadlessLabel);
        labels[SliceItem.ServiceNameLabel] = service.Key.Name;
        labels[SliceItem.ManagedByLabel] = ManagedBy;
        if (service.IsHeadless) labels[HeadlessLabel] = "";
        return ValueMap.From(labels);
    }

    private static ValueList<SlicePort> Ports(ServiceItem service, PodItem pod)
    {
        var ports = new List<SlicePort>(service.Ports.Count);
        foreach (var port in service.Ports)
        {
            var number = port.Resolve(pod);
            if (number != 0) ports.Add(new SlicePort(port.Name, port.Protocol, number, port.AppProtocol.Length == 0 ? null : port.AppProtocol));
        }
        return [.. ports];
    }

    private static string? Address(PodItem pod, string family)
    {
        foreach (var address in pod.Addresses.AsSpan())
        {
            if (IPAddress.TryParse(address, out var ip) && (ip.AddressFamily == AddressFamily.InterNetworkV6) == (family == "IPv6")) return address;
        }
        return null;
    }

    /// <summary>A pod on its way out is never ready, but serves as long as its probe says so; the service may ask not to look.</summary>
    private static SliceEndpoint Endpoint(ServiceItem service, PodItem pod, string address, NodeItem? node)
    {
        var isTerminating = pod.Meta.IsDeleting;
        var isReady = service.PublishNotReady || (pod.IsReady && !isTerminating);
        var zone = node?.Zone;
        var (zones, nodes) = isReady ? Hints(service, zone, pod.NodeName) : ([], []);
        return new SliceEndpoint([address], isReady, pod.IsReady, isTerminating)
        {
            NodeName = pod.NodeName.Length == 0 ? null : pod.NodeName,
            Zone = zone,
            Hostname = pod.Hostname.Length > 0 && pod.Subdomain == service.Key.Name ? pod.Hostname : null,
            Target = new TargetReference("Pod", pod.Key.Namespace, pod.Key.Name, pod.Meta.Uid),
            ForZones = zones,
            ForNodes = nodes,
        };
    }

    /// <summary>Kubernetes documentation: "Service", traffic distribution.</summary>
    private static (ValueList<string> Zones, ValueList<string> Nodes) Hints(ServiceItem service, string? zone, string node) => service.TrafficDistribution switch
    {
        "PreferClose" or "PreferSameZone" => (zone is null ? [] : [zone], []),
        "PreferSameNode" => (zone is null ? [] : [zone], node.Length == 0 ? [] : [node]),
        _ => ([], []),
    };
}
