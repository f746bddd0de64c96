using System.Net;

namespace Fairlead.Proxy.Plan;

/// <summary>
/// From a service and its slices to its rules: https://kubernetes.io/docs/reference/networking/virtual-ips/ and
/// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions. Pure.
/// </summary>
internal static class ServicePlanner
{
    /// <summary>The rules in one family; null when the service has no address in it.</summary>
    internal static ServiceRules? Plan(ServiceInfo service, IReadOnlyCollection<SliceInfo> slices, bool ipv6)
    {
        IPAddress[] addresses = [.. service.ClusterAddresses.Where(address => address.IsIPv6() == ipv6)];
        if (addresses.Length == 0)
        {
            return null;
        }
        IPAddress[] external = [.. service.ExternalAddresses.Where(address => address.IsIPv6() == ipv6)];
        var ports = new List<PortRules>((addresses.Length + external.Length + 1) * service.Ports.Count);
        foreach (ServicePort port in service.Ports)
        {
            EquatableArray<Target> targets = Targets(port, slices, ipv6, localOnly: false);
            EquatableArray<Target>? local = service.InternalLocal || service.ExternalLocal ? Targets(port, slices, ipv6, localOnly: true) : null;
            EquatableArray<Target> inside = service.InternalLocal ? local!.Value : targets;
            EquatableArray<Target>? outside = service.ExternalLocal ? local : null;
            foreach (IPAddress address in addresses)
            {
                ports.Add(new PortRules(Reach.ClusterAddress, address, port.Protocol, port.Port, service.AffinitySeconds, inside)
                {
                    Drops = inside.Count == 0 && targets.Count > 0,
                });
            }
            foreach (IPAddress address in external)
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

    /// <summary>The ready endpoints that serve the port by its name; without any, those that still serve while they terminate.</summary>
    private static EquatableArray<Target> Targets(ServicePort port, IReadOnlyCollection<SliceInfo> slices, bool ipv6, bool localOnly)
    {
        var ready = new SortedSet<Target>(TargetOrder.Instance);
        var lastResort = new SortedSet<Target>(TargetOrder.Instance);
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
                    Collect(slice, slicePort.Port, localOnly, ready, lastResort);
                }
            }
        }
        return new(ready.Count > 0 ? ready : lastResort);
    }

    private static void Collect(SliceInfo slice, ushort port, bool localOnly, SortedSet<Target> ready, SortedSet<Target> lastResort)
    {
        foreach (SliceEndpoint endpoint in slice.Endpoints)
        {
            if (localOnly && !endpoint.IsLocal)
            {
                continue;
            }
            if (endpoint.Ready)
            {
                ready.Add(new Target(endpoint.Address, port, endpoint.IsLocal));
            }
            else if (endpoint.LastResort)
            {
                lastResort.Add(new Target(endpoint.Address, port, endpoint.IsLocal));
            }
        }
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
