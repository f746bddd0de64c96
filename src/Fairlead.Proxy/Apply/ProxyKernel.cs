using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Conntrack;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy.Plan;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy.Apply;

/// <summary>A change of a service's rules that the kernel has, or will have.</summary>
internal readonly record struct RulesChange(TableSync Table, ServiceRules? Before, ServiceRules? Now);

/// <summary>All tables of the proxy in one namespace, with what must be forgotten after a change. For one caller at a time.</summary>
internal sealed class ProxyKernel : IDisposable
{
    private readonly TrackedTables _tables;
    private readonly ConntrackSocket _conntrack;
    private readonly RouteSocket _routes;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly TimeSpan _fullCheckInterval;
    private readonly List<RulesChange> _unclean = [];
    private bool _doubtful;
    private long _lastFullCheck;

    internal ProxyKernel(INfTables tables, ConntrackSocket conntrack, RouteSocket routes, ServiceProxyOptions options, ILogger logger, TimeProvider time)
    {
        _tables = new TrackedTables(tables);
        // What is there now will be read by the first update; only what comes later is foreign.
        _tables.TakeForeignChange();
        _conntrack = conntrack;
        _routes = routes;
        _logger = logger;
        _time = time;
        _fullCheckInterval = options.FullCheckInterval;
        _lastFullCheck = time.GetTimestamp();
        IEnumerable<TableFamily> families = [.. options.IPv4 ? [TableFamily.IPv4] : Array.Empty<TableFamily>(), .. options.IPv6 ? [TableFamily.IPv6] : Array.Empty<TableFamily>()];
        Tables = [.. families.Select(family => new TableSync(new ProxyTable(family, options), _tables, logger))];
    }

    internal IReadOnlyList<TableSync> Tables { get; }

    /// <summary>This node's zone; null: it has none. A change concerns the services of later updates.</summary>
    internal string? Zone { get; set; }

    /// <summary>In which networks unused addresses are refused.</summary>
    internal void SetServiceNetworks(IReadOnlyList<System.Net.IPNetwork> networks)
    {
        foreach (TableSync table in Tables)
        {
            table.SetServiceNetworks(networks);
        }
    }

    /// <summary>Services that the kernel refused alone, and in whose words; tried again when they are next updated.</summary>
    internal IEnumerable<KeyValuePair<Kube.ObjectKey, string>> Refused => Tables.SelectMany(table => table.Refused);

    /// <summary>Transactions committed so far.</summary>
    internal long Commits => _tables.Commits;

    internal static ProxyKernel Open(ServiceProxyOptions options, ILogger logger, TimeProvider time)
    {
        ProxyKernel Here()
        {
            // As kube-proxy sets them: half-closed connections to endpoints stay known for an hour, open ones for a day.
            Sysctl.TryWrite("net/netfilter/nf_conntrack_tcp_timeout_close_wait", "3600");
            Sysctl.TryWrite("net/netfilter/nf_conntrack_tcp_timeout_established", "86400");
            // Pods on one bridge answer each other without the node; only this lets the kernel translate such answers back.
            if (options.LocalhostNodePorts)
            {
                Sysctl.Write("net/ipv4/conf/all/route_localnet", "1");
            }
            Sysctl.TryWrite("net/bridge/bridge-nf-call-iptables", "1");
            Sysctl.TryWrite("net/bridge/bridge-nf-call-ip6tables", "1");
            return new ProxyKernel(KernelNfTables.Open(), ConntrackSocket.Open(), RouteSocket.Open(), options, logger, time);
        }
        return options.NetworkNamespacePath is null ? Here() : NetworkNamespace.Run(options.NetworkNamespacePath, Here);
    }

    /// <summary>Takes over what services want now.</summary>
    /// <exception cref="TableRefusedException">The kernel could not be changed; the next call tries again.</exception>
    internal void Update(IReadOnlyCollection<(Kube.ObjectKey Key, ServiceInfo? Service, IReadOnlyCollection<SliceInfo> Slices)> services)
    {
        foreach (TableSync table in Tables)
        {
            table.Update(
                services.Select(item => KeyValuePair.Create(
                    item.Key,
                    item.Service is null ? null : ServicePlanner.Plan(item.Service, item.Slices, table.Layout.IsIPv6, Zone))),
                (before, now) => _unclean.Add(new RulesChange(table, before, now)));
        }
        Forget();
    }

    /// <summary>Whether somebody else has changed the tables, and if so, puts them right: at once when chains or sets are gone, elements at the full check.</summary>
    internal void Watch()
    {
        _doubtful |= _tables.TakeForeignChange();
        if (!_doubtful)
        {
            return;
        }
        bool due = _time.GetElapsedTime(_lastFullCheck) >= _fullCheckInterval;
        foreach (TableSync table in Tables)
        {
            if ((due || table.IsDamaged()) && table.Mend())
            {
                ProxyLog.Mended(_logger, table.Layout.Table.ToString());
            }
        }
        if (due)
        {
            _doubtful = false;
            _lastFullCheck = _time.GetTimestamp();
        }
    }

    /// <summary>Deletes the proxy's tables; what else is in nf_tables stays.</summary>
    internal static void Cleanup(INfTables tables)
    {
        foreach (TableFamily family in new[] { TableFamily.IPv4, TableFamily.IPv6 })
        {
            Table table = new ProxyTable(family, new ServiceProxyOptions { NodeName = "" }).Table;
            var transaction = new Transaction(table);
            transaction.Add(new Change.AddTable());
            transaction.Add(new Change.DeleteTable());
            if (tables.Commit(transaction) is { } refusal)
            {
                throw new LinuxException(refusal.Errno, $"delete table {table}: {refusal}");
            }
        }
    }

    public void Dispose()
    {
        _tables.Dispose();
        _conntrack.Dispose();
        _routes.Dispose();
    }

    // What is stale is removed after the change: before, new flows would go the old way once more.
    private void Forget()
    {
        foreach (TableSync table in Tables)
        {
            (ServiceRules? Before, ServiceRules? Now)[] changes = [.. _unclean.Where(change => change.Table == table).Select(change => (change.Before, change.Now))];
            if (changes.Length == 0)
            {
                continue;
            }
            try
            {
                int clients = new StaleAffinity(table.Layout, changes).Remove(_tables);
                int flows = new StaleFlows(changes).Remove(_conntrack, _routes, table.Layout.IsIPv6);
                ProxyLog.Forgotten(_logger, flows, clients);
            }
            catch (LinuxException failure)
            {
                ProxyLog.FlowsFailed(_logger, failure.Message);
            }
        }
        _unclean.Clear();
    }
}
