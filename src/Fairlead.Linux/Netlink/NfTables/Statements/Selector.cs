using System.Net;

namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>A value that a rule takes from the packet, its flow, or chance.</summary>
public abstract record Selector
{
    public abstract FieldType Type { get; }

    /// <summary>In nft's words.</summary>
    public abstract string Text { get; }

    /// <summary>Writes the expression that puts the value into a register.</summary>
    internal abstract void Load(RuleWriter writer, int register);

    /// <summary>The packet's source address.</summary>
    public static Selector Source(TableFamily family) => family == TableFamily.IPv4
        ? new PayloadSelector(1, 12, FieldType.IPv4Address, "ip saddr")
        : new PayloadSelector(1, 8, FieldType.IPv6Address, "ip6 saddr");

    /// <summary>The packet's destination address.</summary>
    public static Selector Destination(TableFamily family) => family == TableFamily.IPv4
        ? new PayloadSelector(1, 16, FieldType.IPv4Address, "ip daddr")
        : new PayloadSelector(1, 24, FieldType.IPv6Address, "ip6 daddr");

    /// <summary>The destination port of TCP, UDP or SCTP.</summary>
    public static Selector DestinationPort { get; } = new PayloadSelector(2, 2, FieldType.Port, "th dport");

    /// <summary>The transport protocol, past IPv6 extension headers.</summary>
    public static Selector Protocol { get; } = new MetaSelector(16, FieldType.Protocol, "meta l4proto");

    /// <summary>The packet's mark.</summary>
    public static Selector Mark { get; } = new MetaSelector(3, FieldType.Mark, "meta mark");

    /// <summary>The flow's status bits (enum ip_conntrack_status).</summary>
    public static Selector FlowStatus { get; } = new FlowSelector(2, null, FieldType.Mark, "ct status");

    /// <summary>The destination address of the flow's first packet, before translation.</summary>
    public static Selector OriginalDestination(TableFamily family) => family == TableFamily.IPv4
        ? new FlowSelector(20, 0, FieldType.IPv4Address, "ct original ip daddr")
        : new FlowSelector(22, 0, FieldType.IPv6Address, "ct original ip6 daddr");

    /// <summary>What the routing table says of the destination: 2 is an address of this machine (RTN_LOCAL).</summary>
    public static Selector DestinationKind { get; } = new FibSelector(OfSource: false);

    /// <summary>What the routing table says of the source: 2 is an address of this machine (RTN_LOCAL).</summary>
    public static Selector SourceKind { get; } = new FibSelector(OfSource: true);

    /// <summary>A random number from the offset on, below offset plus modulus.</summary>
    public static Selector Random(uint modulus, uint offset = 0) => new RandomSelector(modulus, offset);

    /// <summary>A fixed address.</summary>
    public static Selector Constant(IPAddress address) => new ConstantSelector(address);
}

internal sealed record PayloadSelector(uint Base, uint Offset, FieldType FieldType, string Words) : Selector
{
    public override FieldType Type => FieldType;

    public override string Text => Words;

    internal override void Load(RuleWriter writer, int register)
    {
        using RuleWriter.Scope expression = writer.Expression("payload");
        writer.Register(1, register);
        writer.Number(2, Base);
        writer.Number(3, Offset);
        writer.Number(4, (uint)Type.Bytes());
    }
}

internal sealed record MetaSelector(uint Key, FieldType FieldType, string Words) : Selector
{
    public override FieldType Type => FieldType;

    public override string Text => Words;

    internal override void Load(RuleWriter writer, int register)
    {
        using RuleWriter.Scope expression = writer.Expression("meta");
        writer.Number(2, Key);
        writer.Register(1, register);
    }
}

internal sealed record FlowSelector(uint Key, byte? Direction, FieldType FieldType, string Words) : Selector
{
    public override FieldType Type => FieldType;

    public override string Text => Words;

    internal override void Load(RuleWriter writer, int register)
    {
        using RuleWriter.Scope expression = writer.Expression("ct");
        writer.Register(1, register);
        writer.Number(2, Key);
        if (Direction is { } direction)
        {
            writer.Byte(3, direction);
        }
    }
}

internal sealed record FibSelector(bool OfSource) : Selector
{
    public override FieldType Type => FieldType.Mark;

    public override string Text => OfSource ? "fib saddr type" : "fib daddr type";

    internal override void Load(RuleWriter writer, int register)
    {
        const uint AddressType = 3, Source = 1, Destination = 2;
        using RuleWriter.Scope expression = writer.Expression("fib");
        writer.Register(1, register);
        writer.Number(2, AddressType);
        writer.Number(3, OfSource ? Source : Destination);
    }
}

internal sealed record RandomSelector(uint Modulus, uint Offset) : Selector
{
    public override FieldType Type => FieldType.Mark;

    public override string Text => $"numgen random mod {Modulus}{(Offset == 0 ? "" : $" offset {Offset}")}";

    internal override void Load(RuleWriter writer, int register)
    {
        const uint Random = 1;
        using RuleWriter.Scope expression = writer.Expression("numgen");
        writer.Register(1, register);
        writer.Number(2, Modulus);
        writer.Number(3, Random);
        writer.Number(4, Offset);
    }
}

internal sealed record ConstantSelector(IPAddress Address) : Selector
{
    public override FieldType Type =>
        Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? FieldType.IPv4Address : FieldType.IPv6Address;

    public override string Text => Address.ToString();

    internal override void Load(RuleWriter writer, int register)
    {
        using RuleWriter.Scope expression = writer.Expression("immediate");
        writer.Register(1, register);
        writer.Data(2, Address.GetAddressBytes());
    }
}
