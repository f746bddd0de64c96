namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>A part of a rule. A part that does not match ends the rule, and the next rule is tried.</summary>
public abstract record Statement
{
    /// <summary>In nft's words where nft has them.</summary>
    public abstract string Text { get; }

    /// <summary>Writes the kernel expressions of which the statement consists.</summary>
    internal abstract void Write(RuleWriter writer);

    internal static string Join(IEnumerable<Selector> selectors) => string.Join(" . ", selectors.Select(selector => selector.Text));
}

/// <summary>Ends or redirects the walk through the rules.</summary>
public sealed record VerdictStatement(Verdict Verdict) : Statement
{
    public override string Text => Verdict.ToString();

    internal override void Write(RuleWriter writer)
    {
        const int VerdictRegister = 0;
        using RuleWriter.Scope expression = writer.Expression("immediate");
        writer.Number(1, VerdictRegister);
        writer.Verdict(2, Verdict);
    }
}

/// <summary>Gives the flow another source: an address of the link that it leaves by, and a random free port.</summary>
public sealed record Masquerade : Statement
{
    public override string Text => "masquerade fully-random";

    internal override void Write(RuleWriter writer)
    {
        const uint FullyRandom = 1 << 4;
        using RuleWriter.Scope expression = writer.Expression("masq");
        writer.Number(1, FullyRandom);
    }
}

/// <summary>Answers with a TCP reset, or else with ICMP port unreachable. Not in nat chains.</summary>
public sealed record Reject(TableFamily Family, bool Reset) : Statement
{
    public override string Text => Reset ? "reject with tcp reset" : Family == TableFamily.IPv4 ? "reject with icmp port-unreachable" : "reject with icmpv6 port-unreachable";

    internal override void Write(RuleWriter writer)
    {
        using RuleWriter.Scope expression = writer.Expression("reject");
        writer.Number(1, Reset ? 1u : 0u);
        writer.Byte(2, Family == TableFamily.IPv4 ? (byte)3 : (byte)4);
    }
}

/// <summary>Counts packets and bytes.</summary>
public sealed record Counter : Statement
{
    public override string Text => "counter";

    internal override void Write(RuleWriter writer) => writer.Expression("counter").Dispose();
}

/// <summary>Adds bits to the packet's mark.</summary>
public sealed record SetMark(uint Bits) : Statement
{
    public override string Text => $"meta mark set meta mark | 0x{Bits:x8}";

    internal override void Write(RuleWriter writer)
    {
        Selector.Mark.Load(writer, 0);
        writer.Bitwise(0, BitConverter.GetBytes(~Bits), BitConverter.GetBytes(Bits));
        using RuleWriter.Scope expression = writer.Expression("meta");
        writer.Number(2, 3);
        writer.Register(3, 0);
    }
}
