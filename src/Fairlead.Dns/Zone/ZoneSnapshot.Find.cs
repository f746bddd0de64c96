using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Zone;

internal sealed partial class ZoneSnapshot
{
    /// <summary>Answers a question. Hot: allocates nothing.</summary>
    internal void Find(in Query query, ref ZoneAnswer answer)
    {
        answer.Verdict = ZoneVerdict.NotOurs;
        int depth = query.LabelCount - _names.LabelCount;
        if (depth >= 0 && query.From(depth).SequenceEqual(_names.Zone))
        {
            answer.ZoneLabel = depth;
            FindInZone(query, depth, ref answer);
        }
        else if (Below(query, _names.Reverse) is { } zone)
        {
            answer.ZoneLabel = query.LabelCount - Labels(zone);
            FindReverse(query, ref answer);
        }
        if (answer.Verdict == ZoneVerdict.NoSuchName && Below(query, _names.Fallthrough) is not null)
        {
            answer.Verdict = ZoneVerdict.NotOurs;
        }
    }

    /// <summary>Whether the name is the cluster's and exists.</summary>
    internal bool Knows(in Query query)
    {
        var answer = default(ZoneAnswer);
        Find(query, ref answer);
        return answer.Verdict is not (ZoneVerdict.NotOurs or ZoneVerdict.NoSuchName);
    }

    /// <summary>The namespace of the only pod that has an address, as a label in wire form; empty when there is none, or several, or the node's pods.</summary>
    internal ReadOnlySpan<byte> NamespaceOf(ReadOnlySpan<byte> address) => _pods.Find(address) is { } owners ? owners.OnlyNamespace : [];

    private static byte[]? Below(in Query query, byte[][] domains)
    {
        foreach (byte[] domain in domains)
        {
            if (query.IsBelow(domain))
            {
                return domain;
            }
        }
        return null;
    }

    private static int Labels(ReadOnlySpan<byte> name)
    {
        int labels = 0;
        for (int at = 0; name[at] != 0; at += 1 + name[at])
        {
            labels++;
        }
        return labels;
    }

    private void FindReverse(in Query query, ref ZoneAnswer answer)
    {
        if (ReverseAddress.Is(query) && _reverse.Find(query.Name) is { } reverse)
        {
            Choose(query.Type == RecordType.Ptr ? reverse.Records : null, ref answer);
            return;
        }
        // Names between the zone's and addresses' may have names below them.
        answer.Verdict = ReverseAddress.Is(query) || Below(query, _names.Fallthrough) is not null ? ZoneVerdict.NoSuchName : ZoneVerdict.NoData;
    }

    private void FindInZone(in Query query, int depth, ref ZoneAnswer answer)
    {
        ReadOnlySpan<byte> first = depth > 0 ? query.Labels(depth - 1, depth) : [];
        if (depth == 0)
        {
            Apex(query.Type, ref answer);
        }
        else if (first.SequenceEqual("\u0003svc"u8))
        {
            FindService(query, depth - 1, ref answer);
        }
        else if (first.SequenceEqual("\u0003pod"u8))
        {
            FindPod(query, depth - 1, ref answer);
        }
        else if (first.SequenceEqual("\u000bdns-version"u8) && depth == 1)
        {
            Choose(query.Type == RecordType.Txt ? _names.Version : null, ref answer);
        }
        else if (first.SequenceEqual("\u0003dns"u8))
        {
            FindServer(query, depth - 1, ref answer);
        }
        else
        {
            answer.Verdict = ZoneVerdict.NoSuchName;
        }
    }

    private void Apex(RecordType type, ref ZoneAnswer answer)
    {
        Choose(type == RecordType.NS ? _names.Servers : null, ref answer);
        if (type == RecordType.Soa)
        {
            answer.Verdict = ZoneVerdict.Authority;
        }
    }

    /// <param name="depth">Labels before svc.</param>
    private void FindService(in Query query, int depth, ref ZoneAnswer answer)
    {
        if (depth < 2)
        {
            // The names above services exist without records, namespaces as far as they do.
            answer.Verdict = depth == 0 || _namespaces.Find(query.Labels(0, 1)) is not null ? ZoneVerdict.NoData : ZoneVerdict.NoSuchName;
            return;
        }
        if (_services.Find(query.Labels(depth - 2, depth)) is not { } service)
        {
            answer.Verdict = ZoneVerdict.NoSuchName;
            return;
        }
        if (depth == 2)
        {
            ChooseOf(service, query.Type, ref answer);
            return;
        }
        if (service.Child(query.Labels(0, depth - 2)) is not { } child)
        {
            answer.Verdict = ZoneVerdict.NoSuchName;
            return;
        }
        Choose(query.Type switch { RecordType.A => child.A, RecordType.Aaaa => child.Aaaa, RecordType.Srv => child.Srv, _ => null }, ref answer);
    }

    private static void ChooseOf(ServiceRecords service, RecordType type, ref ZoneAnswer answer)
    {
        if (service.Cname is { } cname)
        {
            // An alias answers every type (RFC 1034 3.6.2).
            answer.Records = cname;
            answer.AliasTarget = service.CnameTarget;
            answer.Verdict = type == RecordType.Cname ? ZoneVerdict.Records : ZoneVerdict.Alias;
            return;
        }
        Choose(type switch { RecordType.A => service.A, RecordType.Aaaa => service.Aaaa, RecordType.Srv => service.Srv, _ => null }, ref answer);
    }

    /// <param name="depth">Labels before pod.</param>
    private void FindPod(in Query query, int depth, ref ZoneAnswer answer)
    {
        if (_names.Pods == PodNames.Disabled)
        {
            answer.Verdict = ZoneVerdict.NoSuchName;
            return;
        }
        bool exists = depth == 0 || (depth <= 2 && _namespaces.Find(query.Labels(depth - 1, depth)) is not null);
        answer.Verdict = exists ? ZoneVerdict.NoData : ZoneVerdict.NoSuchName;
        if (!exists || depth < 2)
        {
            return;
        }
        answer.AddressLength = PodAddress.Parse(query.Labels(0, 1)[1..], answer.Address);
        if (_names.Pods == PodNames.Verified && answer.AddressLength > 0
            && _pods.Find(((ReadOnlySpan<byte>)answer.Address)[..answer.AddressLength])?.Has(query.Labels(1, 2)) != true)
        {
            answer.AddressLength = 0;
        }
        answer.Verdict = (answer.AddressLength, query.Type) switch
        {
            (0, _) => ZoneVerdict.NoSuchName,
            (4, RecordType.A) or (16, RecordType.Aaaa) => ZoneVerdict.Address,
            _ => ZoneVerdict.NoData,
        };
    }

    /// <summary>ns.dns, the server that SOA and NS name: it has the addresses of the DNS service.</summary>
    private void FindServer(in Query query, int depth, ref ZoneAnswer answer)
    {
        bool isServer = depth == 1 && query.Labels(0, 1).SequenceEqual("\u0002ns"u8);
        answer.Verdict = depth == 0 || isServer ? ZoneVerdict.NoData : ZoneVerdict.NoSuchName;
        if (isServer && _services.Find(_names.DnsService) is { } service)
        {
            Choose(query.Type switch { RecordType.A => service.A, RecordType.Aaaa => service.Aaaa, _ => null }, ref answer);
        }
    }

    private static void Choose(RecordSet? records, ref ZoneAnswer answer)
    {
        answer.Records = records;
        answer.Verdict = records is null ? ZoneVerdict.NoData : ZoneVerdict.Records;
    }
}
