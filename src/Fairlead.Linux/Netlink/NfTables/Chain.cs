namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>Where in a packet's way a base chain sits (enum nf_inet_hooks).</summary>
public enum HookPoint
{
    PreRouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    PostRouting = 4,
}

/// <summary>What a base chain may do.</summary>
public enum ChainType
{
    Filter,
    Nat,
    Route,
}

/// <summary>Makes a chain a base chain.</summary>
/// <param name="Type">Nat chains see the first packet of a flow only.</param>
/// <param name="Point">Where.</param>
/// <param name="Priority">Lower is earlier; DNAT stands at -100, filtering at 0, SNAT at 100.</param>
public sealed record BaseHook(ChainType Type, HookPoint Point, int Priority)
{
    public override string ToString() => $"type {Lower(Type)} hook {Lower(Point)} priority {Priority}; policy accept;";

#pragma warning disable CA1308 // nft's words are lower case.
    internal static string Lower<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
#pragma warning restore CA1308
}

/// <summary>A chain; without a hook, one that rules and verdict maps lead to.</summary>
public sealed record Chain(string Name, BaseHook? Hook = null);

/// <summary>A rule at the end of a chain.</summary>
/// <param name="Chain">The chain's name.</param>
/// <param name="Statements">What it does, from left to right.</param>
/// <param name="Comment">Kept by the kernel and given back on reading; at most 120 bytes.</param>
public sealed record Rule(string Chain, IReadOnlyList<Statement> Statements, string? Comment = null)
{
    /// <summary>The rule in nft's words, without its comment.</summary>
    public string Text => string.Join(' ', Statements.Select(statement => statement.Text));
}
