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
    private readonly Dictionary<ObjectKey, string> _refused = [];

    internal ProxyTable Layout => layout;

    internal ServiceRules? Find(ObjectKey service) => _rules.GetValueOrDefault(service);

    /// <summary>Services left out because the kernel refused something of theirs, with what it said.</summary>
    internal IReadOnlyDictionary<ObjectKey, string> Refused => _refused;

    /// <summary>
    /// Takes over the new rules of services (null: no more), tells of each that really changed, and changes the kernel by
    /// the difference, in one transaction.
    /// </summary>
    /// <exception cref="TableRefusedException">The kernel could not be changed; the rules are kept for the next call.</exception>
    internal void Update(IEnumerable<KeyValuePair<ObjectKey, ServiceRules?>> services, Action<ServiceRules?, ServiceRules?> changed)
    {
        IReadOnlyCollection<KeyValuePair<ObjectKey, ServiceRules?>> all = [.. services];
        MakeRoom(all);
        foreach ((ObjectKey service, ServiceRules? now) in all)
        {
            // One left out before is tried again.
            _refused.Remove(service);
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

    /// <summary>In which networks unused addresses are refused; the next update changes the kernel.</summary>
    internal void SetServiceNetworks(IReadOnlyList<System.Net.IPNetwork> networks)
    {
        if (layout.TrySetServiceNetworks(networks))
        {
            _desired.TracksChanges = false;
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
        for (int attempt = 0; attempt < 3;)
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
            // The same again may succeed; the third time those whose doing it is stay out, so that all others are served.
            if (++attempt == 3 && LeaveOut(refusal))
            {
                attempt = 2;
            }
        }
        throw new TableRefusedException($"table {layout.Table}: {refusal}");
    }

    /// <summary>Takes out the services that ask for what was refused; false when none does.</summary>
    private bool LeaveOut(Refusal refusal)
    {
        ObjectKey[] culprits = [.. _rules.Where(pair => AsksFor(pair.Value, refusal)).Select(pair => pair.Key)];
        foreach (ObjectKey service in culprits)
        {
            _refused[service] = refusal.ToString();
            Take(service, _rules[service], null);
        }
        return culprits.Length > 0;
    }

    private bool AsksFor(ServiceRules rules, Refusal refusal)
    {
        SetElement? refused = refusal.Change is Change.AddElements add && refusal.Element >= 0 && refusal.Element < add.Elements.Count ? add.Elements[refusal.Element] : null;
        string? set = (refusal.Change as Change.AddElements)?.Set.Name;
        string? chain = refusal.Change switch
        {
            Change.AddChain change => change.Chain.Name,
            Change.AddRule change => change.Rule.Chain,
            _ => null,
        };
        bool found = false;
        ServiceElements.Visit(
            layout, rules,
            (kind, element) => found |= refused is { } one && layout.Definition(kind).Name == set && element.Key.Equals(one.Key),
            pick => found |= pick.Name == chain);
        return found;
    }

    /// <summary>The first services come all at once; tables that grew with each would be copied a dozen times, and the last copy half empty.</summary>
    private void MakeRoom(IReadOnlyCollection<KeyValuePair<ObjectKey, ServiceRules?>> services)
    {
        if (_rules.Count == 0)
        {
            _rules.EnsureCapacity(services.Count);
            _desired.MakeRoom(services.Select(service => service.Value).OfType<ServiceRules>());
        }
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
