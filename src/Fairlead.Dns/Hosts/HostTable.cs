using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;

namespace Fairlead.Dns.Hosts;

/// <summary>Names of a hosts(5) file, as records. Immutable.</summary>
internal sealed class HostTable
{
    internal static readonly HostTable Empty = new(NameMap<HostRecords>.Empty);
    private static readonly char[] s_blanks = [' ', '\t'];
    private readonly NameMap<HostRecords> _names;

    private HostTable(NameMap<HostRecords> names) => _names = names;

    internal int Count => _names.Count;

    /// <summary>Reads lines ADDRESS NAME…; others are passed over, as resolvers do.</summary>
    internal static HostTable Read(IEnumerable<string> lines, uint timeToLive, bool reverse)
    {
        var addresses = new Dictionary<string, List<IPAddress>>(StringComparer.OrdinalIgnoreCase);
        var pointers = new Dictionary<IPAddress, List<byte[]>>();
        foreach (string line in lines)
        {
            string[] words = line.Split('#')[0].Split(s_blanks, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (words.Length < 2 || !IPAddress.TryParse(words[0], out IPAddress? address))
            {
                continue;
            }
            foreach (string word in words[1..])
            {
                if (DnsName.Parse(word) is { } name)
                {
                    Of(addresses, word.TrimEnd('.')).Add(address);
                    Of(pointers, address).Add(name);
                }
            }
        }
        NameMap<HostRecords> map = NameMap<HostRecords>.Empty;
        foreach ((string name, List<IPAddress> all) in addresses)
        {
            map = map.Set(DnsName.Parse(name)!, new HostRecords(
                Records(all, AddressFamily.InterNetwork, RecordType.A, timeToLive), Records(all, AddressFamily.InterNetworkV6, RecordType.Aaaa, timeToLive), null));
        }
        foreach ((IPAddress address, List<byte[]> names) in pointers.Where(_ => reverse))
        {
            map = map.Set(ReverseAddress.Name(address), new HostRecords(null, null, RecordSet.Of(RecordType.Ptr, timeToLive, names)));
        }
        return new HostTable(map);
    }

    /// <summary>Null where the name is not in the table. Hot: allocates nothing.</summary>
    internal HostRecords? Find(in Query query) => _names.Find(query.Name);

    private static RecordSet? Records(List<IPAddress> addresses, AddressFamily family, RecordType type, uint timeToLive) =>
        RecordSet.Of(type, timeToLive, [.. addresses.Distinct().Where(address => address.AddressFamily == family).Select(address => address.GetAddressBytes())]);

    private static List<T> Of<TKey, T>(Dictionary<TKey, List<T>> lists, TKey key) where TKey : notnull
    {
        if (!lists.TryGetValue(key, out List<T>? list))
        {
            lists[key] = list = [];
        }
        return list;
    }
}

internal sealed record HostRecords(RecordSet? A, RecordSet? Aaaa, RecordSet? Ptr)
{
    internal RecordSet? Of(RecordType type) => type switch { RecordType.A => A, RecordType.Aaaa => Aaaa, RecordType.Ptr => Ptr, _ => null };
}
