using Fairlead.Linux;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Proxy.Plan;

namespace Fairlead.Proxy.Apply;

/// <summary>
/// Finds the clients remembered for targets that changed services no longer have. Removed after the change, in a transaction
/// of its own: an entry may run out of time by itself, and must not make the kernel refuse the change.
/// </summary>
internal sealed class StaleAffinity
{
    private readonly ProxyTable _layout;
    private readonly Dictionary<FieldBytes, HashSet<FieldBytes>> _allowed = [];

    internal StaleAffinity(ProxyTable layout, IEnumerable<(ServiceRules? Before, ServiceRules? Now)> changes)
    {
        _layout = layout;
        foreach ((ServiceRules? before, ServiceRules? now) in changes)
        {
            Allow(before, forget: true);
            Allow(now, forget: false);
        }
    }

    /// <summary>Removes the entries; returns how many.</summary>
    internal int Remove(INfTables kernel)
    {
        for (int attempt = 0; _allowed.Count > 0 && attempt < 5; attempt++)
        {
            SetElement[] stale = [.. kernel.ReadElements(_layout.Table, _layout.Affinity).Where(IsStale)];
            var transaction = new Transaction(_layout.Table);
            transaction.Add(new Change.DeleteElements(_layout.Affinity, stale));
            if (kernel.Commit(transaction) is not { Errno: Errno.NoEntry })
            {
                return stale.Length;
            }
        }
        return 0;
    }

    private bool IsStale(SetElement element)
    {
        // The key is the client's address, then what the services' map is keyed by.
        int client = _layout.Affinity.Key[0] == FieldType.IPv6Address ? 16 : 4;
        var service = new FieldBytes(element.Key.Span[client..].ToArray());
        return _allowed.TryGetValue(service, out HashSet<FieldBytes>? targets) && !targets.Contains(element.Value);
    }

    private void Allow(ServiceRules? rules, bool forget)
    {
        foreach (PortRules port in rules is null ? [] : rules.Ports.Where(port => port.AffinitySeconds > 0))
        {
            HashSet<FieldBytes> targets = forget
                ? []
                : [.. port.Targets.Select(target => new FieldBuilder(_layout.Affinity.Value).Address(target.Address).Port(target.Port).Build())];
            _allowed[Key(port.Address, port.Protocol, port.Port)] = targets;
        }
    }

    private FieldBytes Key(System.Net.IPAddress address, byte protocol, ushort port) =>
        new FieldBuilder(_layout.Services.Key).Address(address).Protocol(protocol).Port(port).Build();
}
