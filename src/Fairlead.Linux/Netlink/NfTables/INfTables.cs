namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>Why the kernel took nothing of a transaction.</summary>
/// <param name="Errno">NoEntry: something named does not exist. Exists: an element has another value. Busy: still referenced.</param>
/// <param name="Change">The first change that was refused; null when the whole was.</param>
/// <param name="Element">The refused element's place in the change's list; -1 when not known.</param>
/// <param name="Detail">The kernel's own words, or null.</param>
public sealed record Refusal(Errno Errno, Change? Change, int Element, string? Detail)
{
    public override string ToString()
    {
        string what = Change switch
        {
            Change.AddElements add => $"add element {add.Set.Name}{ElementText(add.Set, add.Elements)}",
            Change.DeleteElements delete => $"delete element {delete.Set.Name}{ElementText(delete.Set, delete.Elements)}",
            null => "transaction",
            _ => Change.ToString(),
        };
        return $"{what}: {Errno}{(Detail is null ? "" : $": {Detail}")}";
    }

    private string ElementText(SetDefinition set, IReadOnlyList<SetElement> elements) =>
        Element >= 0 && Element < elements.Count ? $" {{ {elements[Element].ToText(set)} }}" : "";
}

/// <summary>What a table holds.</summary>
public sealed record TableContent
{
    /// <summary>Chains by name, each with the comments of its rules in order.</summary>
    public required IReadOnlyDictionary<string, ChainContent> Chains { get; init; }

    /// <summary>Sets and maps by name.</summary>
    public required IReadOnlyDictionary<string, SetDefinition> Sets { get; init; }
}

/// <summary>A chain and the comments of its rules, in order.</summary>
public sealed record ChainContent(Chain Chain, IReadOnlyList<string?> RuleComments);

/// <summary>nf_tables of one network namespace. Not safe for concurrent use.</summary>
public interface INfTables : IDisposable
{
    /// <summary>Applies all changes or none; null when applied.</summary>
    Refusal? Commit(Transaction transaction);

    /// <summary>Chains, rules and sets without elements; null when there is no such table.</summary>
    TableContent? Read(Table table);

    /// <summary>The elements of a set, in no order.</summary>
    /// <exception cref="NetlinkException">NoEntry when the set does not exist.</exception>
    IReadOnlyList<SetElement> ReadElements(Table table, SetDefinition set);

    /// <summary>A number that grows by one with every committed transaction of anyone in the namespace.</summary>
    uint ReadGeneration();
}
