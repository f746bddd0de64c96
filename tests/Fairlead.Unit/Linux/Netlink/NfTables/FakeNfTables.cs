using Fairlead.Linux;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.NfTables;

namespace Fairlead.Unit.Linux.Netlink.NfTables;

/// <summary>nf_tables in memory: refuses what the kernel refuses, all or nothing. A test compares it with the kernel.</summary>
internal sealed class FakeNfTables : INfTables
{
    private Dictionary<Table, TableState> _tables = [];
    private uint _generation = 1;

    /// <summary>Transactions that were taken.</summary>
    public List<Transaction> Committed { get; } = [];

    /// <summary>Refusals to give before anything is looked at.</summary>
    public Queue<Refusal> Planned { get; } = [];

    public void Dispose()
    {
    }

    public Refusal? Commit(Transaction transaction)
    {
        if (Planned.TryDequeue(out Refusal? planned))
        {
            return planned;
        }
        Dictionary<Table, TableState> next = _tables.ToDictionary(pair => pair.Key, pair => pair.Value.Copy());
        foreach (Change change in transaction.Changes)
        {
            (Errno errno, int element) = Apply(next, transaction.Table, change);
            if (errno != Errno.None)
            {
                return new Refusal(errno, change, element, null);
            }
        }
        _tables = next;
        _generation++;
        Committed.Add(transaction);
        return null;
    }

    public TableContent? Read(Table table) => !_tables.TryGetValue(table, out TableState? state) ? null : new TableContent
    {
        Chains = state.Chains.ToDictionary(pair => pair.Key, pair => new ChainContent(pair.Value.Chain, pair.Value.Rules.ConvertAll(rule => rule.Comment))),
        Sets = state.Sets.ToDictionary(pair => pair.Key, pair => pair.Value.Definition),
    };

    public IReadOnlyList<SetElement> ReadElements(Table table, SetDefinition set) =>
        _tables.TryGetValue(table, out TableState? state) && state.Sets.TryGetValue(set.Name, out SetState? found)
            ? [.. found.Elements.Values]
            : throw new NetlinkException(Errno.NoEntry, "list elements", null);

    public uint ReadGeneration() => _generation;

    /// <summary>What somebody else would do with `nft flush ruleset`.</summary>
    public void FlushRuleset()
    {
        _tables.Clear();
        _generation++;
    }

    private static (Errno Errno, int Element) Apply(Dictionary<Table, TableState> tables, Table table, Change change)
    {
        if (change is Change.AddTable)
        {
            tables.TryAdd(table, new TableState());
            return (Errno.None, -1);
        }
        if (!tables.TryGetValue(table, out TableState? state))
        {
            return (Errno.NoEntry, -1);
        }
        switch (change)
        {
            case Change.DeleteTable:
                tables.Remove(table);
                return (Errno.None, -1);
            case Change.AddElements add:
                return state.AddElements(add.Set.Name, add.Elements);
            case Change.DeleteElements delete:
                return state.DeleteElements(delete.Set.Name, delete.Elements);
            default:
                return (state.Apply(change), -1);
        }
    }

    private sealed record ChainState(Chain Chain, List<Rule> Rules);

    private sealed record SetState(SetDefinition Definition, Dictionary<FieldBytes, SetElement> Elements);

    private sealed class TableState
    {
        internal Dictionary<string, ChainState> Chains { get; private init; } = [];

        internal Dictionary<string, SetState> Sets { get; private init; } = [];

        internal TableState Copy() => new()
        {
            Chains = Chains.ToDictionary(pair => pair.Key, pair => pair.Value with { Rules = [.. pair.Value.Rules] }),
            Sets = Sets.ToDictionary(pair => pair.Key, pair => pair.Value with { Elements = new(pair.Value.Elements) }),
        };

        internal Errno Apply(Change change) => change switch
        {
            Change.AddChain add => AddChain(add.Chain),
            Change.DeleteChain delete => DeleteChain(delete.Name),
            Change.FlushChain flush => FlushChain(flush.Name),
            Change.AddRule add => AddRule(add.Rule),
            Change.AddSet add => AddSet(add.Set),
            Change.DeleteSet delete => DeleteSet(delete.Name),
            _ => Errno.NotSupported,
        };

        private Errno AddChain(Chain chain)
        {
            Chains.TryAdd(chain.Name, new ChainState(chain, []));
            return Errno.None;
        }

        private Errno DeleteChain(string name)
        {
            if (!Chains.TryGetValue(name, out ChainState? chain))
            {
                return Errno.NoEntry;
            }
            return Verdicts().Any(verdict => verdict.Chain == name) ? Errno.Busy : Remove(Chains, name);
        }

        private Errno FlushChain(string name)
        {
            if (!Chains.TryGetValue(name, out ChainState? chain))
            {
                return Errno.NoEntry;
            }
            chain.Rules.Clear();
            return Errno.None;
        }

        private Errno AddRule(Rule rule)
        {
            if (!Chains.TryGetValue(rule.Chain, out ChainState? chain))
            {
                return Errno.NoEntry;
            }
            bool missing = Uses(rule).Any(set => !Sets.ContainsKey(set)) || Verdicts(rule).Any(verdict => Missing(verdict));
            if (missing)
            {
                return Errno.NoEntry;
            }
            chain.Rules.Add(rule);
            return Errno.None;
        }

        private Errno AddSet(SetDefinition set)
        {
            if (Sets.TryGetValue(set.Name, out SetState? existing))
            {
                return existing.Definition.Equals(set) ? Errno.None : Errno.Exists;
            }
            Sets[set.Name] = new SetState(set, []);
            return Errno.None;
        }

        private Errno DeleteSet(string name)
        {
            if (!Sets.ContainsKey(name))
            {
                return Errno.NoEntry;
            }
            return Chains.Values.SelectMany(chain => chain.Rules).Any(rule => Uses(rule).Contains(name)) ? Errno.Busy : Remove(Sets, name);
        }

        internal (Errno Errno, int Element) AddElements(string name, IReadOnlyList<SetElement> elements)
        {
            if (!Sets.TryGetValue(name, out SetState? set))
            {
                return (Errno.NoEntry, -1);
            }
            for (int index = 0; index < elements.Count; index++)
            {
                SetElement element = elements[index];
                if (element.Verdict is { } verdict && Missing(verdict))
                {
                    return (Errno.NoEntry, index);
                }
                if (set.Elements.TryGetValue(element.Key, out SetElement existing)
                    && (existing.Value != element.Value || existing.Verdict != element.Verdict))
                {
                    return (Errno.Exists, index);
                }
                set.Elements[element.Key] = element;
            }
            return (Errno.None, -1);
        }

        internal (Errno Errno, int Element) DeleteElements(string name, IReadOnlyList<SetElement> elements)
        {
            if (!Sets.TryGetValue(name, out SetState? set))
            {
                return (Errno.NoEntry, -1);
            }
            for (int index = 0; index < elements.Count; index++)
            {
                if (!set.Elements.Remove(elements[index].Key))
                {
                    return (Errno.NoEntry, index);
                }
            }
            return (Errno.None, -1);
        }

        private bool Missing(Verdict verdict) => verdict.Chain is not null && !Chains.ContainsKey(verdict.Chain);

        private IEnumerable<Verdict> Verdicts() =>
            Chains.Values.SelectMany(chain => chain.Rules).SelectMany(Verdicts)
                .Concat(Sets.Values.SelectMany(set => set.Elements.Values).Where(element => element.Verdict is not null).Select(element => element.Verdict!.Value));

        private static IEnumerable<Verdict> Verdicts(Rule rule) => rule.Statements.OfType<VerdictStatement>().Select(statement => statement.Verdict);

        private static IEnumerable<string> Uses(Rule rule) => rule.Statements.Select(statement => statement switch
        {
            VerdictLookup lookup => lookup.Map,
            MatchSet match => match.Set,
            Choose choose => choose.Map,
            Remember remember => remember.Map,
            TranslateByMap translate => translate.Map,
            _ => "",
        }).Where(name => name.Length > 0);

        private static Errno Remove<T>(Dictionary<string, T> from, string name)
        {
            from.Remove(name);
            return Errno.None;
        }
    }
}
