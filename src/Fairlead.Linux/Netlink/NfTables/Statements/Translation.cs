namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>
/// Looks the values up in a map of "address . port" and keeps the answer in the last registers, where
/// <see cref="Remember"/> and <see cref="TranslateDestination"/> take it; no entry, no match.
/// </summary>
public sealed record Choose(TableFamily Family, IReadOnlyList<Selector> Selectors, string Map) : Statement
{
    public override string Text => $"[{Join(Selectors)} map @{Map} => endpoint]";

    internal override void Write(RuleWriter writer)
    {
        writer.LoadAll(Selectors, 0);
        writer.Lookup(Map, 0, RuleWriter.EndpointRegister(Family));
    }
}

/// <summary>
/// Keeps the chosen endpoint in a dynamic map under these values. An entry that is there keeps its endpoint and starts its
/// time anew (net/netfilter/nft_set_hash.c, nft_rhash_update). A full map is no match.
/// </summary>
public sealed record Remember(TableFamily Family, IReadOnlyList<Selector> Selectors, string Map, ulong TimeoutMilliseconds) : Statement
{
    public override string Text => $"[update @{Map} {{ {Join(Selectors)} timeout {TimeoutMilliseconds}ms : endpoint }}]";

    internal override void Write(RuleWriter writer)
    {
        const uint Update = 1;
        writer.LoadAll(Selectors, 0);
        using RuleWriter.Scope expression = writer.Expression("dynset");
        writer.Text(1, Map);
        writer.Number(3, Update);
        writer.Register(4, 0);
        writer.Register(5, RuleWriter.EndpointRegister(Family));
        writer.Number64(6, TimeoutMilliseconds);
    }
}

/// <summary>Sends the flow to the chosen endpoint.</summary>
public sealed record TranslateDestination(TableFamily Family) : Statement
{
    public override string Text => "[dnat to endpoint]";

    internal override void Write(RuleWriter writer)
    {
        const uint DestinationNat = 1;
        int register = RuleWriter.EndpointRegister(Family);
        using RuleWriter.Scope expression = writer.Expression("nat");
        writer.Number(1, DestinationNat);
        writer.Number(2, (uint)Family);
        writer.Register(3, register);
        writer.Register(5, register + (Family == TableFamily.IPv4 ? 1 : 4));
    }
}

/// <summary>Looks the values up in a map of "address . port" and sends the flow there; no entry, no match.</summary>
public sealed record TranslateByMap(TableFamily Family, IReadOnlyList<Selector> Selectors, string Map) : Statement
{
    public override string Text => $"dnat {(Family == TableFamily.IPv4 ? "ip" : "ip6")} to {Join(Selectors)} map @{Map}";

    internal override void Write(RuleWriter writer)
    {
        new Choose(Family, Selectors, Map).Write(writer);
        new TranslateDestination(Family).Write(writer);
    }
}
