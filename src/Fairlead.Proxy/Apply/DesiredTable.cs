using System.Runtime.InteropServices;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Proxy.Plan;

namespace Fairlead.Proxy.Apply;

/// <summary>
/// All elements and chains that the services' rules together ask for, each counted by how many ask, and what changed since
/// the last transaction. An element asked for twice with different values keeps the later value.
/// </summary>
internal sealed class DesiredTable(ProxyTable layout)
{
    private static readonly int s_kinds = Enum.GetValues<SetKind>().Length;
    private readonly Dictionary<FieldBytes, Slot>[] _sets = [.. Enumerable.Range(0, s_kinds).Select(_ => new Dictionary<FieldBytes, Slot>())];
    private readonly Dictionary<FieldBytes, SetElement?>[] _touched = [.. Enumerable.Range(0, s_kinds).Select(_ => new Dictionary<FieldBytes, SetElement?>())];
    private readonly Dictionary<PickChain, int> _chains = [];
    private readonly Dictionary<PickChain, bool> _touchedChains = [];

    /// <summary>False while nothing is known of the kernel, when keeping track of changes would only cost memory.</summary>
    internal bool TracksChanges { get; set; }

    internal IEnumerable<PickChain> Chains => _chains.Keys;

    internal int Count(SetKind kind) => _sets[(int)kind].Count;

    internal IEnumerable<SetElement> Elements(SetKind kind) => _sets[(int)kind].Values.Select(slot => slot.Element);

    internal SetElement? Find(SetKind kind, FieldBytes key) =>
        _sets[(int)kind].TryGetValue(key, out Slot slot) ? slot.Element : null;

    /// <summary>Before so many services are added, for the sets that grow with each.</summary>
    internal void MakeRoom(IEnumerable<ServiceRules> services)
    {
        int[] elements = new int[s_kinds];
        foreach (ServiceRules rules in services)
        {
            elements[(int)SetKind.ClusterAddresses] += rules.Addresses.Count;
            foreach (PortRules port in rules.Ports)
            {
                elements[(int)(port.Reach == Reach.NodePort ? SetKind.NodePorts : SetKind.Services)]++;
                elements[(int)SetKind.Endpoints] += port.Targets.Count + (port.LocalTargets?.Count ?? 0);
            }
        }
        for (int kind = 0; kind < s_kinds; kind++)
        {
            _sets[kind].EnsureCapacity(elements[kind]);
        }
    }

    internal void Add(ServiceRules rules) => ServiceElements.Visit(layout, rules, AddElement, AddChain);

    internal void Remove(ServiceRules rules) => ServiceElements.Visit(layout, rules, RemoveElement, RemoveChain);

    /// <summary>The changes since the last call, in an order that the kernel takes; forgets them.</summary>
    internal Transaction TakeChanges()
    {
        var transaction = new Transaction(layout.Table);
        foreach ((PickChain chain, bool before) in _touchedChains)
        {
            if (!before && _chains.ContainsKey(chain))
            {
                TableDifference.AddPickChain(transaction, layout, chain);
            }
        }
        for (int kind = 0; kind < s_kinds; kind++)
        {
            var removed = new List<SetElement>();
            var added = new List<SetElement>();
            foreach ((FieldBytes key, SetElement? before) in _touched[kind])
            {
                SetElement? after = Find((SetKind)kind, key);
                if (before == after)
                {
                    continue;
                }
                if (before is { } old)
                {
                    removed.Add(old);
                }
                if (after is { } now)
                {
                    added.Add(now);
                }
            }
            SetDefinition set = layout.Definition((SetKind)kind);
            transaction.Add(new Change.DeleteElements(set, removed));
            transaction.Add(new Change.AddElements(set, added));
        }
        foreach ((PickChain chain, bool before) in _touchedChains)
        {
            if (before && !_chains.ContainsKey(chain))
            {
                TableDifference.RemoveChain(transaction, chain.Name);
            }
        }
        ForgetChanges();
        return transaction;
    }

    internal void ForgetChanges()
    {
        Array.ForEach(_touched, touched => touched.Clear());
        _touchedChains.Clear();
    }

    private void AddElement(SetKind kind, SetElement element)
    {
        ref Slot slot = ref CollectionsMarshal.GetValueRefOrAddDefault(_sets[(int)kind], element.Key, out bool exists);
        if (TracksChanges)
        {
            _touched[(int)kind].TryAdd(element.Key, exists ? slot.Element : null);
        }
        slot = new Slot(element, slot.References + 1);
    }

    private void RemoveElement(SetKind kind, SetElement element)
    {
        ref Slot slot = ref CollectionsMarshal.GetValueRefOrNullRef(_sets[(int)kind], element.Key);
        if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref slot))
        {
            return;
        }
        if (TracksChanges)
        {
            _touched[(int)kind].TryAdd(element.Key, slot.Element);
        }
        if (slot.References == 1)
        {
            _sets[(int)kind].Remove(element.Key);
        }
        else
        {
            slot = slot with { References = slot.References - 1 };
        }
    }

    private void AddChain(PickChain chain)
    {
        ref int references = ref CollectionsMarshal.GetValueRefOrAddDefault(_chains, chain, out bool exists);
        if (TracksChanges)
        {
            _touchedChains.TryAdd(chain, exists);
        }
        references++;
    }

    private void RemoveChain(PickChain chain)
    {
        if (!_chains.TryGetValue(chain, out int references))
        {
            return;
        }
        if (TracksChanges)
        {
            _touchedChains.TryAdd(chain, true);
        }
        if (references == 1)
        {
            _chains.Remove(chain);
        }
        else
        {
            _chains[chain] = references - 1;
        }
    }

    private readonly record struct Slot(SetElement Element, int References);
}
