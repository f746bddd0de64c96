using Fairlead.Kube;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Proxy.Plan;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy.Apply;

/// <summary>The kernel refused even the table as a whole; what was to be changed is kept, and tried again.</summary>
internal sealed class TableRefusedException(string message) : Exception(message);

/// <summary>Keeps one family's table in the kernel equal to the services' rules. For one caller at a time.</summary>
internal sealed class TableSync(ProxyTable layout, TrackedTables kernel, ILogger logger)
{
    private readonly Dictionary<ObjectKey, ServiceRules> _rules = [];
    private readonly DesiredTable _desired = new(layout);

    internal ProxyTable Layout => layout;

    internal ServiceRules? Find(ObjectKey service) => _rules.GetValueOrDefault(service);

    internal IEnumerable<ServiceRules> Rules => _rules.Values;

    /// <summary>
    /// Takes over the new rules of services (null: no more), tells of each that really changed, and changes the kernel by
    /// the difference, in one transaction.
    /// </summary>
    /// <exception cref="TableRefusedException">The kernel could not be changed; the rules are kept for the next call.</exception>
    internal void Update(IEnumerable<KeyValuePair<ObjectKey, ServiceRules?>> services, Action<ServiceRules?, ServiceRules?> changed)
    {
        foreach ((ObjectKey service, ServiceRules? now) in services)
        {
            ServiceRules? before = _rules.GetValueOrDefault(service);
            if (Equals(before, now))
            {
                continue;
            }
            Take(service, before, now);
            changed(before, now);
        }
        if (!_desired.TracksChanges)
        {
            Mend();
            return;
        }
        Transaction transaction = _desired.TakeChanges();
        if (kernel.Commit(transaction) is { } refusal)
        {
            // Somebody flushed, or changed what is ours: look at what is there and apply the difference.
            ProxyLog.Refused(logger, layout.Table.ToString(), refusal.ToString());
            Mend();
        }
    }

    /// <summary>Whether the table, a chain or a set is gone; does not look at elements.</summary>
    internal bool IsDamaged() =>
        kernel.Read(layout.Table) is not { } content
        || layout.Sets.Any(set => !content.Sets.ContainsKey(set.Name))
        || layout.Chains.Any(item => content.Chains.GetValueOrDefault(item.Chain.Name)?.RuleComments.Count != item.Rules.Count);

    /// <summary>Reads what the kernel holds and applies the difference; true when there was one.</summary>
    internal bool Mend()
    {
        _desired.TracksChanges = false;
        _desired.ForgetChanges();
        Refusal? refusal = null;
        for (int attempt = 0; attempt < 3; attempt++)
        {
            Transaction transaction = TableDifference.Compute(layout, _desired, kernel);
            refusal = kernel.Commit(transaction);
            if (refusal is null)
            {
                _desired.TracksChanges = true;
                ProxyLog.Synced(logger, layout.Table.ToString(), _rules.Count, transaction.Changes.Count, transaction.ElementCount);
                return !transaction.IsEmpty;
            }
            ProxyLog.Refused(logger, layout.Table.ToString(), refusal.ToString());
        }
        throw new TableRefusedException($"table {layout.Table}: {refusal}");
    }

    private void Take(ObjectKey service, ServiceRules? before, ServiceRules? now)
    {
        // Added before removed: what both ask for keeps its place.
        if (now is not null)
        {
            _desired.Add(now);
        }
        if (before is not null)
        {
            _desired.Remove(before);
        }
        if (now is null)
        {
            _rules.Remove(service);
        }
        else
        {
            _rules[service] = now;
        }
    }
}
