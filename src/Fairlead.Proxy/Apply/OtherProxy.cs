using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Proxy.Apply;

/// <summary>
/// Finds the rules of a kube-proxy. Two proxies on one node would translate each other's connections, so that services answer
/// or not by chance.
/// </summary>
internal static class OtherProxy
{
    private static readonly string[] s_iptablesTables = ["nat", "filter"];

    private const string Chain = "KUBE-SERVICES";

    /// <summary>What was found in the calling thread's namespace, in the words of the tool that shows it; null when there is none.</summary>
    internal static string? Find(INfTables tables, RouteSocket routes)
    {
        foreach (TableFamily family in new[] { TableFamily.IPv4, TableFamily.IPv6 })
        {
            var own = new Table(family, "kube-proxy");
            // `kube-proxy --cleanup` may leave an empty table.
            if (tables.Read(own) is { Chains.Count: > 0 })
            {
                return $"nf_tables table {own}";
            }
            foreach (Table table in s_iptablesTables.Select(name => new Table(family, name)))
            {
                if (tables.Read(table)?.Chains.ContainsKey(Chain) == true)
                {
                    return $"chain {Chain} of iptables' table {table.Name}";
                }
            }
        }
        if (LegacyIptables.FindChain(Chain) is { } legacy)
        {
            return $"chain {Chain} of iptables-legacy's table {legacy}";
        }
        return routes.FindLink("kube-ipvs0") is null ? null : "link kube-ipvs0";
    }
}
