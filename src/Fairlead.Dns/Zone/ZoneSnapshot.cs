using System.Net;
using Fairlead.Dns.Wire;
using Fairlead.Kube;

namespace Fairlead.Dns.Zone;

/// <summary>
/// All records of the cluster at one moment. Immutable: readers hold on to one for a question, and a change makes the next one at
/// a cost that depends on the changed service alone.
/// </summary>
internal sealed partial class ZoneSnapshot
{
    private const string Exists = "exists";
    private readonly ZoneNames _names;
    private NameMap<ServiceRecords> _services = NameMap<ServiceRecords>.Empty;
    private NameMap<string> _namespaces = NameMap<string>.Empty;
    private NameMap<ReverseRecords> _reverse = NameMap<ReverseRecords>.Empty;
    private NameMap<PodOwners> _pods = NameMap<PodOwners>.Empty;

    private ZoneSnapshot(ZoneNames names) => _names = names;

    private ZoneSnapshot(ZoneSnapshot other, uint serial)
    {
        (_names, _services, _namespaces, _reverse, _pods) = (other._names, other._services, other._namespaces, other._reverse, other._pods);
        (Serial, IsComplete) = (serial, other.IsComplete);
    }

    /// <summary>The SOA's serial: seconds since 1970 of the last change.</summary>
    internal uint Serial { get; }

    /// <summary>Every object that the API server had at the start is in; before that the zone has no answers.</summary>
    internal bool IsComplete { get; private init; }

    internal int ServiceCount => _services.Count;

    internal uint TimeToLive => _names.TimeToLive;

    /// <summary>The cluster's domain in wire form.</summary>
    internal ReadOnlySpan<byte> Domain => _names.Zone;

    /// <summary>The domain of all services in wire form.</summary>
    internal ReadOnlySpan<byte> Services => _names.Services;

    /// <summary>The SOA's data but for its serial and what follows: the server's and the postmaster's names.</summary>
    internal ReadOnlySpan<byte> AuthorityNames => _names.AuthorityNames;

    internal static ZoneSnapshot Empty(ZoneOptions options) => new(new ZoneNames(options));

    internal ZoneSnapshot Complete(uint serial) => new(this, serial) { IsComplete = true };

    internal ZoneSnapshot WithNamespace(string name, bool exists, uint serial) =>
        new(this, serial) { _namespaces = _namespaces.Set(DnsName.Prepend([], name), exists ? Exists : null) };

    /// <summary>With a pod under its addresses, and not under those that it had before.</summary>
    internal ZoneSnapshot WithPod(ObjectKey key, PodInfo? before, PodInfo? now)
    {
        NameMap<PodOwners> pods = _pods;
        foreach (IPAddress address in before?.Addresses ?? default)
        {
            byte[] bytes = address.GetAddressBytes();
            pods = pods.Set(bytes, pods.Find(bytes)?.Without(key));
        }
        foreach (IPAddress address in now?.Addresses ?? default)
        {
            byte[] bytes = address.GetAddressBytes();
            pods = pods.Set(bytes, (pods.Find(bytes) ?? PodOwners.None).With(key, now!.IsOnHost));
        }
        return new(this, Serial) { _pods = pods };
    }

    /// <summary>With what the service and its slices say now.</summary>
    internal ZoneSnapshot WithService(ObjectKey key, ServiceInfo? service, IReadOnlyList<SliceInfo> slices, uint serial)
    {
        byte[] labels = DnsName.Prepend([], key.Name, key.Namespace);
        ServiceRecords? now = ServicePlanner.Plan(key, service, slices, _names.Services, _names.TimeToLive);
        NameMap<ReverseRecords> reverse = _reverse;
        foreach (ReverseName gone in _services.Find(labels)?.Reverse ?? [])
        {
            reverse = Change(reverse, gone, key, isThere: false);
        }
        foreach (ReverseName here in now?.Reverse ?? [])
        {
            reverse = Change(reverse, here, key, isThere: true);
        }
        return new ZoneSnapshot(this, serial) { _services = _services.Set(labels, now), _reverse = reverse };
    }

    private NameMap<ReverseRecords> Change(NameMap<ReverseRecords> reverse, ReverseName name, ObjectKey service, bool isThere)
    {
        byte[] key = ReverseAddress.Name(name.Address);
        var target = new ReverseTarget(service, name.Name);
        IEnumerable<ReverseTarget> others = reverse.Find(key)?.Targets.Where(other => !other.Is(target)) ?? [];
        return reverse.Set(key, ReverseRecords.Of(isThere ? [.. others, target] : [.. others], _names.TimeToLive));
    }

    /// <summary>An address may stand for endpoints of several services, though hardly any does.</summary>
    private sealed class ReverseRecords
    {
        private readonly ReverseTarget _first;
        private readonly ReverseTarget[]? _all;

        private ReverseRecords(ReverseTarget first, ReverseTarget[]? all, RecordSet records) => (_first, _all, Records) = (first, all, records);

        internal RecordSet Records { get; }

        internal IEnumerable<ReverseTarget> Targets => _all ?? [_first];

        internal static ReverseRecords? Of(ReverseTarget[] targets, uint timeToLive) => targets switch
        {
            [] => null,
            [var only] => new ReverseRecords(only, null, only.Pointer),
            _ => new ReverseRecords(targets[0], targets, RecordSet.Of(RecordType.Ptr, timeToLive, [.. targets.Select(each => each.Name.ToArray())])!),
        };
    }

    private readonly record struct ReverseTarget(ObjectKey Service, RecordSet Pointer)
    {
        internal ReadOnlySpan<byte> Name => Pointer[0][RecordSet.HeadLength..];

        internal bool Is(ReverseTarget other) => Service == other.Service && Name.SequenceEqual(other.Name);
    }
}

/// <summary>What follows from the cluster's domain alone.</summary>
internal sealed class ZoneNames
{
    private static readonly byte[] s_version = [5, .. "1.1.0"u8];

    internal ZoneNames(ZoneOptions options)
    {
        TimeToLive = (uint)options.TimeToLive;
        Pods = options.Pods;
        Zone = DnsName.Parse(options.Domain) ?? throw new ArgumentException($"{options.Domain} is no domain name", nameof(options));
        Reverse = [.. options.Reverse.Select(domain => DnsName.Parse(domain)!)];
        Fallthrough = [.. options.Fallthrough.Select(domain => DnsName.Parse(domain)!)];
        for (int at = 0; Zone[at] != 0; at += 1 + Zone[at])
        {
            LabelCount++;
        }
        Services = DnsName.Prepend(Zone, "svc");
        byte[] server = DnsName.Prepend(Zone, "ns", "dns");
        AuthorityNames = [.. server, .. DnsName.Prepend(Zone, "hostmaster")];
        Version = RecordSet.Of(RecordType.Txt, TimeToLive, [s_version])!;
        Servers = RecordSet.Of(RecordType.NS, TimeToLive, [server])!;
    }

    internal uint TimeToLive { get; }

    internal PodNames Pods { get; }

    /// <summary>Domains in which the names of addresses are the cluster's.</summary>
    internal byte[][] Reverse { get; }

    /// <summary>Domains whose unknown names are others' to answer.</summary>
    internal byte[][] Fallthrough { get; }

    internal byte[] Zone { get; }

    internal int LabelCount { get; }

    internal byte[] Services { get; }

    internal byte[] AuthorityNames { get; }

    /// <summary>The version of the specification (2.2).</summary>
    internal RecordSet Version { get; }

    internal RecordSet Servers { get; }

    /// <summary>kube-system/kube-dns, as the services' map has it.</summary>
    internal byte[] DnsService { get; } = DnsName.Prepend([], "kube-dns", "kube-system");
}

/// <summary>Where the present zone is found. One writer, any readers.</summary>
internal sealed class ZoneHolder(ZoneSnapshot first)
{
    private ZoneSnapshot _current = first;

    internal ZoneSnapshot Current
    {
        get => Volatile.Read(ref _current);
        set => Volatile.Write(ref _current, value);
    }
}
