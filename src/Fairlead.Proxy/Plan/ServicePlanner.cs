using Fairlead.Kube;
using System.Net;

namespace Fairlead.Proxy.Plan;

/// <summary>
/// From a service and its slices to its rules: https://kubernetes.io/docs/reference/networking/virtual-ips/ and
/// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions. Pure.
/// </summary>
internal static class ServicePlanner
{
    /// <summary>The rules in one family; null when the service has no address in it.</summary>
    /// <param name="zone">This node's zone; null: it has none.</param>
    internal static ServiceRules? Plan(ServiceInfo service, IReadOnlyCollection<SliceInfo> slices, bool ipv6, string? zone)
    {
        IPAddress[] addresses = [.. service.ClusterAddresses.Where(address => address.IsIPv6() == ipv6)];
        if (addresses.Length == 0)
        {
            return null;
        }
        IPAddress[] external = [.. service.ExternalAddresses.Where(address => address.IsIPv6() == ipv6)];
        IPAddress[] balancers = [.. service.BalancerAddresses.Where(address => address.IsIPv6() == ipv6)];
        // A list that names nobody of this family restricts nobody of it, as kube-proxy has it.
        var sources = new EquatableArray<IPNetwork>(service.SourceRanges.Where(network => network.IsIPv6() == ipv6));
        var ports = new List<PortRules>((addresses.Length + external.Length + balancers.Length + 1) * service.Ports.Count);
        foreach (ServicePort port in service.Ports)
        {
            EquatableArray<Target> targets = Targets(port, slices, ipv6, Closest(port, slices, ipv6, zone));
            EquatableArray<Target>? local = service.InternalLocal || service.ExternalLocal ? Targets(port, slices, ipv6, static endpoint => endpoint.IsLocal) : null;
            EquatableArray<Target> inside = service.InternalLocal ? local!.Value : targets;
            EquatableArray<Target>? outside = service.ExternalLocal ? local : null;
            foreach (IPAddress address in addresses)
            {
                ports.Add(new PortRules(Reach.ClusterAddress, address, port.Protocol, port.Port, service.AffinitySeconds, inside)
                {
                    Drops = inside.Count == 0 && targets.Count > 0,
                });
            }
            foreach (IPAddress address in balancers)
            {
                ports.Add(new PortRules(Reach.ExternalAddress, address, port.Protocol, port.Port, service.AffinitySeconds, targets) { LocalTargets = outside, Sources = sources });
            }
            foreach (IPAddress address in external.Except(balancers))
            {
                ports.Add(new PortRules(Reach.ExternalAddress, address, port.Protocol, port.Port, service.AffinitySeconds, targets) { LocalTargets = outside });
            }
            if (port.NodePort != 0)
            {
                IPAddress any = ipv6 ? IPAddress.IPv6Any : IPAddress.Any;
                ports.Add(new PortRules(Reach.NodePort, any, port.Protocol, port.NodePort, service.AffinitySeconds, targets) { LocalTargets = outside });
            }
        }
        return new ServiceRules(new(addresses), new(ports));
    }

    /// <summary>The distinct ready endpoints on this node, which a load balancer's health check asks for.</summary>
    internal static int CountLocal(IEnumerable<SliceInfo> slices) =>
        slices.SelectMany(slice => slice.Endpoints).Where(endpoint => endpoint is { Ready: true, IsLocal: true }).Select(endpoint => endpoint.Address).Distinct().Count();

    /// <summary>
    /// Which endpoints the hints of all of them leave to this node: those for the node, if all say for which they are and one is
    /// for it; else by zone alike; else all (https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-distribution).
    /// </summary>
    private static Func<SliceEndpoint, bool> Closest(ServicePort port, IReadOnlyCollection<SliceInfo> slices, bool ipv6, string? zone)
    {
        bool any = false, allNodes = true, here = false, allZones = zone is not null, inZone = false;
        foreach ((SliceInfo slice, _) in Serving(port, slices, ipv6))
        {
            foreach (SliceEndpoint endpoint in slice.Endpoints)
            {
                if (!endpoint.Ready)
                {
                    continue;
                }
                any = true;
                allNodes &= endpoint.NodeHint != NodeHint.None;
                here |= endpoint.NodeHint == NodeHint.Here;
                allZones &= endpoint.ZoneHints.Count > 0;
                inZone |= zone is not null && endpoint.ZoneHints.Contains(zone);
                if (!allNodes && !allZones)
                {
                    return static _ => true;
                }
            }
        }
        return any && allNodes && here ? static endpoint => endpoint.NodeHint == NodeHint.Here
            : any && allZones && inZone ? endpoint => endpoint.ZoneHints.Contains(zone!)
            : static _ => true;
    }

    private static IEnumerable<(SliceInfo Slice, ushort Port)> Serving(ServicePort port, IReadOnlyCollection<SliceInfo> slices, bool ipv6)
    {
        foreach (SliceInfo slice in slices)
        {
            if (slice.IsIPv6 != ipv6)
            {
                continue;
            }
            foreach (SlicePort slicePort in slice.Ports)
            {
                if (slicePort.Name == port.Name && slicePort.Protocol == port.Protocol)
                {
                    yield return (slice, slicePort.Port);
                }
            }
        }
    }

    /// <summary>The ready endpoints that serve the port by its name; without any, those that still serve while they terminate.</summary>
    private static EquatableArray<Target> Targets(ServicePort port, IReadOnlyCollection<SliceInfo> slices, bool ipv6, Func<SliceEndpoint, bool> isMeant)
    {
        var ready = new SortedSet<Target>(TargetOrder.Instance);
        var lastResort = new SortedSet<Target>(TargetOrder.Instance);
        foreach ((SliceInfo slice, ushort number) in Serving(port, slices, ipv6))
        {
            foreach (SliceEndpoint endpoint in slice.Endpoints)
            {
                if ((endpoint.Ready || endpoint.LastResort) && isMeant(endpoint))
                {
                    (endpoint.Ready ? ready : lastResort).Add(new Target(endpoint.Address, number, endpoint.IsLocal || endpoint.IsNowhere));
                }
            }
        }
        return new(ready.Count > 0 ? ready : lastResort);
    }

    /// <summary>By address and port, so that one set of endpoints always gets the same indices, whatever slices it came in.</summary>
    private sealed class TargetOrder : IComparer<Target>
    {
        internal static readonly TargetOrder Instance = new();

        public int Compare(Target x, Target y)
        {
            Span<byte> left = stackalloc byte[16], right = stackalloc byte[16];
            x.Address.TryWriteBytes(left, out int leftLength);
            y.Address.TryWriteBytes(right, out int rightLength);
            int order = left[..leftLength].SequenceCompareTo(right[..rightLength]);
            return order != 0 ? order : x.Port.CompareTo(y.Port);
        }
    }
}
