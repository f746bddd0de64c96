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
    private readonly NameMap<ServiceRecords> _services;
    private readonly NameMap<string> _namespaces;
    private readonly NameMap<ReverseRecords> _reverse;

    private ZoneSnapshot(ZoneNames names, NameMap<ServiceRecords> services, NameMap<string> namespaces, NameMap<ReverseRecords> reverse, uint serial, bool isComplete)
    {
        _names = names;
        _services = services;
        _namespaces = namespaces;
        _reverse = reverse;
        Serial = serial;
        IsComplete = isComplete;
    }

    /// <summary>The SOA's serial: seconds since 1970 of the last change.</summary>
    internal uint Serial { get; }

    /// <summary>Every object that the API server had at the start is in; before that the zone has no answers.</summary>
    internal bool IsComplete { get; }

    internal int ServiceCount => _services.Count;

    internal uint TimeToLive => _names.TimeToLive;

    /// <summary>The SOA's data but for its serial and what follows: the server's and the postmaster's names.</summary>
    internal ReadOnlySpan<byte> AuthorityNames => _names.AuthorityNames;

    internal static ZoneSnapshot Empty(string clusterDomain, uint timeToLive) =>
        new(new ZoneNames(clusterDomain, timeToLive), NameMap<ServiceRecords>.Empty, NameMap<string>.Empty, NameMap<ReverseRecords>.Empty, 0, false);

    internal ZoneSnapshot Complete(uint serial) => new(_names, _services, _namespaces, _reverse, serial, true);

    internal ZoneSnapshot WithNamespace(string name, bool exists, uint serial) =>
        new(_names, _services, _namespaces.Set(DnsName.Prepend([], name), exists ? Exists : null), _reverse, serial, IsComplete);

    /// <summary>With what the service and its slices say now.</summary>
    internal ZoneSnapshot WithService(ObjectKey key, ServiceInfo? service, IReadOnlyList<SliceInfo> slices, uint serial)
    {
        byte[] labels = DnsName.Prepend([], key.Name, key.Namespace);
        ServiceRecords? now = ServicePlanner.Plan(key, service, slices, _names.Services, _names.TimeToLive);
        NameMap<ReverseRecords> reverse = _reverse;
        foreach (ReverseName gone in _services.Find(labels)?.Reverse ?? [])
        {
            reverse = Change(reverse, gone, key, null);
        }
        foreach (ReverseName here in now?.Reverse ?? [])
        {
            reverse = Change(reverse, here, key, here.Name);
        }
        return new ZoneSnapshot(_names, _services.Set(labels, now), _namespaces, reverse, serial, IsComplete);
    }

    private NameMap<ReverseRecords> Change(NameMap<ReverseRecords> reverse, ReverseName name, ObjectKey service, byte[]? target)
    {
        byte[] key = ReverseAddress.Name(name.Address);
        IEnumerable<ReverseTarget> others = reverse.Find(key)?.Targets.Where(other => other.Service != service || !other.Name.AsSpan().SequenceEqual(name.Name)) ?? [];
        ReverseTarget[] targets = target is null ? [.. others] : [.. others, new ReverseTarget(service, target)];
        RecordSet? records = RecordSet.Of(RecordType.Ptr, _names.TimeToLive, [.. targets.Select(each => each.Name)]);
        return reverse.Set(key, records is null ? null : new ReverseRecords(targets, records));
    }

    /// <summary>An address may stand for endpoints of several services.</summary>
    private sealed record ReverseRecords(ReverseTarget[] Targets, RecordSet Records);

    private readonly record struct ReverseTarget(ObjectKey Service, byte[] Name);
}

/// <summary>What follows from the cluster's domain alone.</summary>
internal sealed class ZoneNames
{
    private static readonly byte[] s_version = [5, .. "1.1.0"u8];

    internal ZoneNames(string clusterDomain, uint timeToLive)
    {
        TimeToLive = timeToLive;
        Zone = DnsName.Parse(clusterDomain) ?? throw new ArgumentException($"{clusterDomain} is no domain name", nameof(clusterDomain));
        for (int at = 0; Zone[at] != 0; at += 1 + Zone[at])
        {
            LabelCount++;
        }
        Services = DnsName.Prepend(Zone, "svc");
        byte[] server = DnsName.Prepend(Zone, "ns", "dns");
        AuthorityNames = [.. server, .. DnsName.Prepend(Zone, "hostmaster")];
        Version = RecordSet.Of(RecordType.Txt, timeToLive, [s_version])!;
        Servers = RecordSet.Of(RecordType.NS, timeToLive, [server])!;
    }

    internal uint TimeToLive { get; }

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
