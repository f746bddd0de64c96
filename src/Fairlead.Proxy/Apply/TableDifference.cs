using Fairlead.Linux.Netlink.NfTables;

namespace Fairlead.Proxy.Apply;

/// <summary>From what the kernel holds to what it should hold, as one transaction that changes nothing else.</summary>
internal static class TableDifference
{
    internal static Transaction Compute(ProxyTable layout, DesiredTable desired, INfTables kernel)
    {
        var transaction = new Transaction(layout.Table);
        TableContent? content = kernel.Read(layout.Table);
        if (content is not null && !CanBeMended(layout, content))
        {
            transaction.Add(new Change.DeleteTable());
            content = null;
        }
        if (content is null)
        {
            transaction.Add(new Change.AddTable());
        }
        AddSets(transaction, layout, content);
        AddChains(transaction, layout, desired, content);
        foreach (SetKind kind in Enum.GetValues<SetKind>())
        {
            CompareElements(transaction, layout, desired, kind, content is null ? null : kernel);
        }
        RemoveChains(transaction, layout, desired, content);
        return transaction;
    }

    internal static void AddPickChain(Transaction transaction, ProxyTable layout, PickChain chain)
    {
        transaction.Add(new Change.AddChain(new Chain(chain.Name)));
        AddRules(transaction, layout.Rules(chain));
    }

    internal static void RemoveChain(Transaction transaction, string name)
    {
        transaction.Add(new Change.FlushChain(name));
        transaction.Add(new Change.DeleteChain(name));
    }

    /// <summary>A hook or a set's shape cannot be changed in place; such a table, of another version, is made anew in the same transaction.</summary>
    private static bool CanBeMended(ProxyTable layout, TableContent content) =>
        layout.Sets.All(set => !content.Sets.TryGetValue(set.Name, out SetDefinition? found) || found.Equals(set))
        && layout.Chains.All(item => !content.Chains.TryGetValue(item.Chain.Name, out ChainContent? found) || found.Chain == item.Chain);

    private static void AddSets(Transaction transaction, ProxyTable layout, TableContent? content)
    {
        foreach (SetDefinition set in layout.Sets)
        {
            if (content?.Sets.ContainsKey(set.Name) != true)
            {
                transaction.Add(new Change.AddSet(set));
            }
        }
    }

    private static void AddChains(Transaction transaction, ProxyTable layout, DesiredTable desired, TableContent? content)
    {
        foreach ((Chain chain, IReadOnlyList<Rule> rules) in layout.Chains)
        {
            Mend(transaction, chain, rules, content);
        }
        foreach (PickChain chain in desired.Chains)
        {
            Mend(transaction, new Chain(chain.Name), layout.Rules(chain), content);
        }
    }

    private static void Mend(Transaction transaction, Chain chain, IReadOnlyList<Rule> rules, TableContent? content)
    {
        ChainContent? found = content?.Chains.GetValueOrDefault(chain.Name);
        if (found is null)
        {
            transaction.Add(new Change.AddChain(chain));
            AddRules(transaction, rules);
        }
        else if (!found.RuleComments.SequenceEqual(rules.Select(rule => rule.Comment)))
        {
            transaction.Add(new Change.FlushChain(chain.Name));
            AddRules(transaction, rules);
        }
    }

    private static void AddRules(Transaction transaction, IReadOnlyList<Rule> rules)
    {
        foreach (Rule rule in rules)
        {
            transaction.Add(new Change.AddRule(rule));
        }
    }

    private static void CompareElements(Transaction transaction, ProxyTable layout, DesiredTable desired, SetKind kind, INfTables? kernel)
    {
        SetDefinition set = layout.Definition(kind);
        if (kernel is null)
        {
            transaction.Add(new Change.AddElements(set, [.. desired.Elements(kind)]));
            return;
        }
        var removed = new List<SetElement>();
        var added = new List<SetElement>();
        var right = new HashSet<FieldBytes>();
        foreach (SetElement held in kernel.ReadElements(layout.Table, set))
        {
            if (desired.Find(kind, held.Key) == held)
            {
                right.Add(held.Key);
            }
            else
            {
                removed.Add(held);
            }
        }
        if (right.Count < desired.Count(kind))
        {
            added.AddRange(desired.Elements(kind).Where(element => !right.Contains(element.Key)));
        }
        transaction.Add(new Change.DeleteElements(set, removed));
        transaction.Add(new Change.AddElements(set, added));
    }

    private static void RemoveChains(Transaction transaction, ProxyTable layout, DesiredTable desired, TableContent? content)
    {
        if (content is null)
        {
            return;
        }
        var known = layout.Chains.Select(item => item.Chain.Name).Concat(desired.Chains.Select(chain => chain.Name)).ToHashSet(StringComparer.Ordinal);
        foreach (string name in content.Chains.Keys.Where(name => !known.Contains(name)))
        {
            RemoveChain(transaction, name);
        }
    }
}
