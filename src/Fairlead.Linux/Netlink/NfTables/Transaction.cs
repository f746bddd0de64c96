using System.Text;

namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>One change of a table's content.</summary>
public abstract record Change
{
    private Change()
    {
    }

    /// <summary>The change in nft's words.</summary>
    internal abstract string ToText(Table table);

    /// <summary>Makes the table; nothing happens when it exists.</summary>
    public sealed record AddTable : Change
    {
        internal override string ToText(Table table) => $"add table {table}";
    }

    /// <summary>Deletes the table with all that is in it; it must exist.</summary>
    public sealed record DeleteTable : Change
    {
        internal override string ToText(Table table) => $"delete table {table}";
    }

    /// <summary>Makes a chain; nothing happens when an equal one exists.</summary>
    public sealed record AddChain(Chain Chain) : Change
    {
        internal override string ToText(Table table) =>
            $"add chain {table} {Chain.Name}" + (Chain.Hook is null ? "" : $" {{ {Chain.Hook} }}");
    }

    /// <summary>Deletes a chain, which nothing may lead to any more; its rules go first.</summary>
    public sealed record DeleteChain(string Name) : Change
    {
        internal override string ToText(Table table) => $"delete chain {table} {Name}";
    }

    /// <summary>Deletes all rules of a chain.</summary>
    public sealed record FlushChain(string Name) : Change
    {
        internal override string ToText(Table table) => $"flush chain {table} {Name}";
    }

    /// <summary>Appends a rule.</summary>
    public sealed record AddRule(Rule Rule) : Change
    {
        internal override string ToText(Table table) =>
            $"add rule {table} {Rule.Chain} {Rule.Text}" + (Rule.Comment is null ? "" : $" comment \"{Rule.Comment}\"");
    }

    /// <summary>Makes a set or map; nothing happens when an equal one exists.</summary>
    public sealed record AddSet(SetDefinition Set) : Change
    {
        internal override string ToText(Table table) => $"add {(Set.IsMap ? "map" : "set")} {table} {Set.Name} {Set.Text}";
    }

    /// <summary>Deletes a set, which no rule may use any more.</summary>
    public sealed record DeleteSet(string Name) : Change
    {
        internal override string ToText(Table table) => $"delete set {table} {Name}";
    }

    /// <summary>Adds elements. An element that exists with another value makes the kernel refuse; an equal one does not.</summary>
    public sealed record AddElements(SetDefinition Set, IReadOnlyList<SetElement> Elements) : Change
    {
        internal override string ToText(Table table) => $"add element {table} {Set.Name} {List(Set, Elements)}";
    }

    /// <summary>Deletes elements by key; each must exist.</summary>
    public sealed record DeleteElements(SetDefinition Set, IReadOnlyList<SetElement> Elements) : Change
    {
        internal override string ToText(Table table) => $"delete element {table} {Set.Name} {List(Set, Elements)}";
    }

    private static string List(SetDefinition set, IReadOnlyList<SetElement> elements)
    {
        var text = new StringBuilder("{ ");
        for (int index = 0; index < elements.Count; index++)
        {
            text.Append(index == 0 ? "" : ", ").Append(elements[index].ToText(set));
        }
        return text.Append(" }").ToString();
    }
}

/// <summary>Changes of one table that the kernel takes together or not at all, in this order.</summary>
public sealed class Transaction(Table table)
{
    private readonly List<Change> _changes = [];

    public Table Table { get; } = table;

    public IReadOnlyList<Change> Changes => _changes;

    public bool IsEmpty => _changes.Count == 0;

    /// <summary>Elements that the changes name, a measure of their size.</summary>
    public int ElementCount => _changes.Sum(change => change switch
    {
        Change.AddElements add => add.Elements.Count,
        Change.DeleteElements delete => delete.Elements.Count,
        _ => 0,
    });

    public void Add(Change change)
    {
        if (change is Change.AddElements { Elements.Count: 0 } or Change.DeleteElements { Elements.Count: 0 })
        {
            return;
        }
        _changes.Add(change);
    }

    /// <summary>The changes in nft's words, a line each; `nft -f` reads them, but for rules that look up a random index or pass a looked-up value on in registers.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (Change change in _changes)
        {
            text.Append(change.ToText(Table)).Append('\n');
        }
        return text.ToString();
    }
}
