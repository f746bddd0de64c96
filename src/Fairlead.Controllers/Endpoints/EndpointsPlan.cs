using System.Net;
using System.Net.Sockets;
using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Endpoints;

/// <summary>What an Endpoints object should say.</summary>
internal sealed record EndpointsDraft(ValueMap Labels, ValueList<Subset> Subsets, bool IsTruncated);

/// <summary>The legacy Endpoints of a service with a selector, as a pure function (Kubernetes documentation: "Service", Endpoints).</summary>
internal static class EndpointsPlan
{
    /// <summary>An Endpoints object lists no more addresses than this.</summary>
    public const int Capacity = 1000;

    private const string HeadlessLabel = "service.kubernetes.io/headless";
    private const string ManagedByLabel = "endpoints.kubernetes.io/managed-by";

    public static EndpointsDraft Draft(ServiceItem service, IEnumerable<PodItem> pods)
    {
        var entries = new List<(SubsetAddress Address, bool Ready, ValueList<SubsetPort> Ports)>();
        foreach (var pod in pods)
        {
            if (Include(service, pod) && Address(service, pod) is { } address && Ports(service, pod) is { } ports)
                entries.Add((address, service.PublishNotReady || pod.IsReady, ports));
        }
        var kept = Truncate(entries);
        return new EndpointsDraft(Labels(service), Pack(kept), kept.Count < entries.Count);
    }

    /// <summary>Pods on their way out are no endpoints, unless the service asks for pods whatever their state.</summary>
    private static bool Include(ServiceItem service, PodItem pod) =>
        !pod.IsTerminal && pod.Addresses.Count > 0 && (!pod.Meta.IsDeleting || service.PublishNotReady);

    private static SubsetAddress? Address(ServiceItem service, PodItem pod)
    {
        // Endpoints know one family: the service's primary one.
        var wantsV6 = service.Families[0] == "IPv6";
        foreach (var address in pod.Addresses.AsSpan())
        {
            if (!IPAddress.TryParse(address, out var ip) || (ip.AddressFamily == AddressFamily.InterNetworkV6) != wantsV6) continue;
            return new SubsetAddress(
                address,
                pod.NodeName.Length == 0 ? null : pod.NodeName,
                pod.Hostname.Length > 0 && pod.Subdomain == service.Key.Name ? pod.Hostname : null,
                new TargetReference("Pod", pod.Key.Namespace, pod.Key.Name, pod.Meta.Uid));
        }
        return null;
    }

    /// <summary>Null where the service has ports and the pod has none of them; a headless service may have none at all.</summary>
    private static ValueList<SubsetPort>? Ports(ServiceItem service, PodItem pod)
    {
        if (service.Ports.Count == 0) return service.IsHeadless ? [] : null;
        var ports = service.Ports
            .Select(port => new SubsetPort(port.Name, port.Protocol, port.Resolve(pod), port.AppProtocol.Length == 0 ? null : port.AppProtocol))
            .Where(port => port.Port != 0)
            .Distinct()
            .OrderBy(port => port.Name, StringComparer.Ordinal).ThenBy(port => port.Protocol, StringComparer.Ordinal).ThenBy(port => port.Port);
        ValueList<SubsetPort> found = [.. ports];
        return found.Count == 0 ? null : found;
    }

    /// <summary>Ready addresses first, so that a truncated object loses those that get no traffic.</summary>
    private static List<(SubsetAddress Address, bool Ready, ValueList<SubsetPort> Ports)> Truncate(
        List<(SubsetAddress Address, bool Ready, ValueList<SubsetPort> Ports)> entries) =>
        entries.Count <= Capacity
            ? entries
            : [.. entries.OrderByDescending(entry => entry.Ready).ThenBy(entry => entry.Address.Target!.Name, StringComparer.Ordinal).Take(Capacity)];

    private static ValueList<Subset> Pack(List<(SubsetAddress Address, bool Ready, ValueList<SubsetPort> Ports)> entries) =>
    [
        .. entries.GroupBy(entry => entry.Ports)
            .Select(group => new Subset(Sorted(group.Where(entry => entry.Ready)), Sorted(group.Where(entry => !entry.Ready)), group.Key))
            .OrderBy(subset => string.Join(',', subset.Ports.Select(port => $"{port.Name}:{port.Protocol}:{port.Port:D5}")), StringComparer.Ordinal),
    ];

    private static ValueList<SubsetAddress> Sorted(IEnumerable<(SubsetAddress Address, bool Ready, ValueList<SubsetPort> Ports)> entries) =>
    [
        .. entries.Select(entry => entry.Address)
            .OrderBy(address => address.Ip, StringComparer.Ordinal)
            .ThenBy(address => address.Target?.Uid, StringComparer.Ordinal),
    ];

    private static ValueMap Labels(ServiceItem service)
    {
        var labels = service.Labels.ToDictionary();
        labels.Remove(HeadlessLabel);
        if (service.IsHeadless) labels[HeadlessLabel] = "";
        labels[ManagedByLabel] = "endpoint-controller";
        return ValueMap.From(labels);
    }
}
