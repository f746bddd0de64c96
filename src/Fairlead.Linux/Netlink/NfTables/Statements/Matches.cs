using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>The value equals, or differs from, a constant.</summary>
public sealed record Match(Selector Selector, FieldBytes Value, bool Not = false) : Statement
{
    public override string Text => $"{Selector.Text} {(Not ? "!= " : "")}{Words}";

    /// <summary>The protocol equals.</summary>
    public static Match Protocol(byte protocol, bool not = false) => new(Selector.Protocol, new FieldBytes([protocol]), not);

    /// <summary>The destination is an address of this machine.</summary>
    public static Match LocalDestination { get; } = new(Selector.DestinationKind, new FieldBytes(BitConverter.GetBytes(2u)));

    /// <summary>The source is an address of this machine.</summary>
    public static Match LocalSource { get; } = new(Selector.SourceKind, new FieldBytes(BitConverter.GetBytes(2u)));

    private string Words => Selector is FibSelector ? "local" : Value.ToText([Selector.Type]);

    internal override void Write(RuleWriter writer)
    {
        Selector.Load(writer, 0);
        writer.Compare(0, Not, Value.Span);
    }
}

/// <summary>An address lies in, or outside of, a network.</summary>
public sealed record MatchNetwork(Selector Selector, IPNetwork Network, bool Not = false) : Statement
{
    public override string Text => $"{Selector.Text} {(Not ? "!= " : "")}{Network}";

    internal override void Write(RuleWriter writer)
    {
        byte[] value = Network.BaseAddress.GetAddressBytes();
        byte[] mask = new byte[value.Length];
        for (int bit = 0; bit < Network.PrefixLength; bit++)
        {
            mask[bit / 8] |= (byte)(0x80 >> (bit % 8));
        }
        Selector.Load(writer, 0);
        writer.Bitwise(0, mask, new byte[value.Length]);
        writer.Compare(0, Not, value);
    }
}

/// <summary>The packet came in by a link of this name; of any that begins so where the name ends with '*'. A packet of this machine's own has none, and no match.</summary>
public sealed record MatchLink(string Name, bool Not = false) : Statement
{
    private const uint IncomingName = 6;
    private const int NameSize = 16;

    public override string Text => $"iifname {(Not ? "!= " : "")}\"{Name}\"";

    internal override void Write(RuleWriter writer)
    {
        using (writer.Expression("meta"))
        {
            writer.Number(2, IncomingName);
            writer.Register(1, 0);
        }
        byte[] value = new byte[Name.EndsWith('*') ? Name.Length - 1 : NameSize];
        Encoding.ASCII.GetBytes(Name.AsSpan(0, Math.Min(value.Length, Name.Length)), value);
        writer.Compare(0, Not, value);
    }
}

/// <summary>Any of the bits is, or none is, set in a number of four bytes.</summary>
public sealed record MatchBits(Selector Selector, uint Bits, bool Not = false) : Statement
{
    // nft knows the bits of a flow's status by name only.
    public override string Text => (Selector, Bits) == (Selector.FlowStatus, Translated)
        ? $"ct status {(Not ? "! " : "")}dnat"
        : $"{Selector.Text} & 0x{Bits:x8} {(Not ? "==" : "!=")} 0x00000000";

    /// <summary>IPS_DST_NAT: the flow's destination was translated.</summary>
    public const uint Translated = 1 << 5;

    internal override void Write(RuleWriter writer)
    {
        Selector.Load(writer, 0);
        writer.Bitwise(0, BitConverter.GetBytes(Bits), new byte[4]);
        writer.Compare(0, not: !Not, MemoryMarshal.AsBytes<uint>([0u]));
    }
}

/// <summary>The values together are, or are not, a key of a set or map.</summary>
public sealed record MatchSet(IReadOnlyList<Selector> Selectors, string Set, bool Not = false) : Statement
{
    public override string Text => $"{Join(Selectors)} {(Not ? "!= " : "")}@{Set}";

    internal override void Write(RuleWriter writer)
    {
        writer.LoadAll(Selectors, 0);
        writer.Lookup(Set, 0, result: null, Not);
    }
}

/// <summary>Looks the values up in a verdict map and follows what it says; no entry, no match.</summary>
public sealed record VerdictLookup(IReadOnlyList<Selector> Selectors, string Map) : Statement
{
    public override string Text => $"{Join(Selectors)} vmap @{Map}";

    internal override void Write(RuleWriter writer)
    {
        const int VerdictRegister = -1;
        writer.LoadAll(Selectors, 0);
        writer.Lookup(Map, 0, VerdictRegister);
    }
}
