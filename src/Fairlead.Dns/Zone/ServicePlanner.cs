using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;
using Fairlead.Kube;

namespace Fairlead.Dns.Zone;

/// <summary>
/// From a service and its slices to its records: the Kubernetes DNS-Based Service Discovery specification, 1.1.0, sections 2.3–2.5
/// (https://github.com/kubernetes/dns/blob/master/docs/specification.md). Pure.
/// </summary>
internal static class ServicePlanner
{
    // Any values do (specification 2.3.2): all targets are equal.
    private const ushort Priority = 0, Weight = 100;

    /// <summary>The empty names above ports, the same for all services: tcp, udp, sctp.</summary>
    private static readonly ConcurrentDictionary<string, ChildRecords> s_protocols = new();

    private const int MostShared = 256;
    private static readonly ConcurrentDictionary<(string Name, string Protocol), byte[]> s_portLabels = new();

    /// <summary>The records; null where the name does not exist, as with a headless service without ready endpoints (2.4.1).</summary>
    /// <param name="services">The domain of all services, <c>svc.</c> and the zone's, in wire form.</param>
    internal static ServiceRecords? Plan(ObjectKey key, ServiceInfo? service, IReadOnlyList<SliceInfo> slices, ReadOnlySpan<byte> services, uint timeToLive)
    {
        byte[] name = DnsName.Prepend(services, key.Name, key.Namespace);
        return name.Length > Limits.Name ? null : service?.Form switch
        {
            ServiceForm.ClusterIP => OfClusterIP(service, name, timeToLive),
            ServiceForm.Headless => OfHeadless(service, slices, name, timeToLive),
            ServiceForm.ExternalName => OfExternalName(service, timeToLive),
            _ => null,
        };
    }

    private static ServiceRecords OfClusterIP(ServiceInfo service, byte[] name, uint timeToLive)
    {
        (RecordSet? a, RecordSet? aaaa) = AddressRecords(service.Addresses, timeToLive);
        RecordSet?[] addresses = [a, aaaa];
        var targets = service.Ports.Select(port => new Target(port, name, addresses)).ToList();
        RecordSet? all = ServiceRecordsOf(targets, timeToLive);
        RecordSet pointer = Pointer(name, timeToLive);
        return new ServiceRecords
        {
            A = a,
            Aaaa = aaaa,
            Srv = all,
            Children = [.. PortNames(targets, all, timeToLive).OrderBy(child => child.Labels, ByteOrder.Instance)],
            Reverse = [.. service.Addresses.Select(address => new ReverseName(address, pointer))],
        };
    }

    private static ServiceRecords? OfHeadless(ServiceInfo service, IReadOnlyList<SliceInfo> slices, byte[] name, uint timeToLive)
    {
        var hosts = new Dictionary<string, List<IPAddress>>(StringComparer.OrdinalIgnoreCase);
        var ports = new List<(string Host, NamedPort Port)>();
        foreach (SliceInfo slice in slices)
        {
            foreach (SliceEndpoint endpoint in slice.Endpoints.Where(endpoint => endpoint.Ready || service.PublishNotReady))
            {
                if (!hosts.TryGetValue(endpoint.HostName, out List<IPAddress>? known))
                {
                    hosts[endpoint.HostName] = known = [];
                }
                known.Add(endpoint.Address);
                ports.AddRange(slice.Ports.Select(port => (endpoint.HostName.ToLowerInvariant(), port)));
            }
        }
        return hosts.Count == 0 ? null : OfHosts(hosts, ports, name, timeToLive);
    }

    private static ServiceRecords OfHosts(
        Dictionary<string, List<IPAddress>> hosts, List<(string Host, NamedPort Port)> ports, byte[] name, uint timeToLive)
    {
        var names = new Dictionary<string, (byte[] Name, RecordSet?[] Addresses)>(StringComparer.OrdinalIgnoreCase);
        var children = new List<ChildRecords>();
        foreach ((string host, List<IPAddress> addresses) in hosts)
        {
            (RecordSet? a, RecordSet? aaaa) = AddressRecords(addresses, timeToLive);
            names[host] = (DnsName.Prepend(name, host), [a, aaaa]);
            children.Add(new ChildRecords(DnsName.Prepend([], host), a, aaaa, null));
        }
        var targets = ports.Distinct().Select(port => new Target(port.Port, names[port.Host].Name, names[port.Host].Addresses)).ToList();
        RecordSet? all = ServiceRecordsOf(targets, timeToLive);
        (RecordSet? allA, RecordSet? allAaaa) = AddressRecords(hosts.Values.SelectMany(addresses => addresses), timeToLive);
        return new ServiceRecords
        {
            A = allA,
            Aaaa = allAaaa,
            Srv = all,
            Children = [.. children.Concat(PortNames(targets, all, timeToLive)).OrderBy(child => child.Labels, ByteOrder.Instance)],
            Reverse = [.. hosts.SelectMany(host => PointersTo(names[host.Key].Name, host.Value, timeToLive))],
        };
    }

    private static IEnumerable<ReverseName> PointersTo(byte[] name, IEnumerable<IPAddress> addresses, uint timeToLive)
    {
        RecordSet pointer = Pointer(name, timeToLive);
        return addresses.Distinct().Select(address => new ReverseName(address, pointer));
    }

    private static RecordSet Pointer(byte[] name, uint timeToLive) => RecordSet.Of(RecordType.Ptr, timeToLive, [name])!;

    private static ServiceRecords? OfExternalName(ServiceInfo service, uint timeToLive) =>
        DnsName.Parse(service.ExternalName) is { } target
            ? new ServiceRecords { Cname = RecordSet.Of(RecordType.Cname, timeToLive, [target]), CnameTarget = target }
            : null;

    /// <summary>The names of named ports and the empty names above them, which exist without a record (RFC 8020).</summary>
    /// <param name="all">The records of all targets, which are those of the port where there is but one.</param>
    private static IEnumerable<ChildRecords> PortNames(List<Target> targets, RecordSet? all, uint timeToLive)
    {
        var named = targets.Where(target => target.Port.Name.Length > 0).ToList();
        foreach (var port in named.GroupBy(target => (Name: target.Port.Name.ToLowerInvariant(), target.Port.Protocol)))
        {
            byte[] labels = PortLabels(port.Key.Name, port.Key.Protocol);
            Target[] own = [.. port];
            yield return new ChildRecords(labels, null, null, own.Length == targets.Count ? all : ServiceRecordsOf(own, timeToLive));
        }
        foreach (string protocol in named.Select(target => target.Port.Protocol).Distinct())
        {
            yield return s_protocols.GetOrAdd(protocol, static name => new ChildRecords(DnsName.Prepend([], "_" + name), null, null, null));
        }
    }

    /// <summary>Ports are named alike in many services, and share what is made of their names.</summary>
    private static byte[] PortLabels(string name, string protocol)
    {
        if (s_portLabels.TryGetValue((name, protocol), out byte[]? labels))
        {
            return labels;
        }
        labels = DnsName.Prepend([], "_" + name, "_" + protocol);
        return s_portLabels.Count < MostShared ? s_portLabels.GetOrAdd((name, protocol), labels) : labels;
    }

    private static (RecordSet? A, RecordSet? Aaaa) AddressRecords(IEnumerable<IPAddress> addresses, uint timeToLive)
    {
        List<byte[]> a = [], aaaa = [];
        foreach (IPAddress address in addresses.Distinct())
        {
            (address.AddressFamily == AddressFamily.InterNetwork ? a : aaaa).Add(address.GetAddressBytes());
        }
        return (RecordSet.Of(RecordType.A, timeToLive, a), RecordSet.Of(RecordType.Aaaa, timeToLive, aaaa));
    }

    private static RecordSet? ServiceRecordsOf(IReadOnlyList<Target> targets, uint timeToLive)
    {
        var told = new HashSet<byte[]>();
        var addresses = new RecordSet?[2 * targets.Count];
        byte[][] data = new byte[targets.Count][];
        for (int i = 0; i < targets.Count; i++)
        {
            data[i] = ServiceData(targets[i]);
            // One target's addresses are told once, however many of its ports are.
            if (told.Add(targets[i].Name))
            {
                targets[i].Addresses.CopyTo(addresses, 2 * i);
            }
        }
        return RecordSet.Of(RecordType.Srv, timeToLive, data, addresses);
    }

    // RFC 2782: the target is not compressed.
    private static byte[] ServiceData(Target target)
    {
        byte[] data = new byte[3 * sizeof(ushort) + target.Name.Length];
        BinaryPrimitives.WriteUInt16BigEndian(data, Priority);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(2), Weight);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4), target.Port.Port);
        target.Name.CopyTo(data, 3 * sizeof(ushort));
        return data;
    }

    /// <summary>What an SRV record leads to.</summary>
    private sealed record Target(NamedPort Port, byte[] Name, RecordSet?[] Addresses);

    private sealed class ByteOrder : IComparer<byte[]>
    {
        internal static readonly ByteOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
