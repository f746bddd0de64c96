using System.Text;

namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>
/// Writes a rule's expressions (linux/netfilter/nf_tables.h). Registers are counted here from 0 to 15, four bytes each
/// (NFT_REG32_00 is the kernel's 8); nf_tables numbers are in network order.
/// </summary>
internal sealed class RuleWriter(MessageBuffer buffer)
{
    private const ushort ListElement = 1, ExpressionName = 1, ExpressionData = 2;
    private const int FirstRegister = 8;

    /// <summary>Where an address and port are kept while keys are loaded from register 0 on: 15 of 16 registers are used with IPv6 affinity.</summary>
    internal static int EndpointRegister(TableFamily family) => family == TableFamily.IPv4 ? 14 : 11;

    internal Scope Expression(string name)
    {
        MessageBuffer.NestScope element = buffer.Nest(ListElement);
        buffer.Text(ExpressionName, name);
        return new Scope(element, buffer.Nest(ExpressionData));
    }

    /// <summary>A register by our number; -1 is the verdict register.</summary>
    internal void Register(ushort type, int register) =>
        buffer.UInt32Network(type, register < 0 ? 0 : (uint)(FirstRegister + register));

    internal void Number(ushort type, uint value) => buffer.UInt32Network(type, value);

    internal void Number64(ushort type, ulong value) => buffer.UInt64Network(type, value);

    internal void Byte(ushort type, byte value) => buffer.Byte(type, value);

    internal void Text(ushort type, string value) => buffer.Text(type, value);

    internal void Data(ushort type, ReadOnlySpan<byte> value)
    {
        using MessageBuffer.NestScope data = buffer.Nest(type);
        buffer.Bytes(1, value);
    }

    internal void Verdict(ushort type, Verdict verdict) => WriteVerdict(buffer, type, verdict);

    internal static void WriteVerdict(MessageBuffer buffer, ushort type, Verdict verdict)
    {
        using MessageBuffer.NestScope data = buffer.Nest(type);
        using MessageBuffer.NestScope inner = buffer.Nest(2);
        buffer.UInt32Network(1, (uint)(int)verdict.Code);
        if (verdict.Chain is not null)
        {
            buffer.Text(2, verdict.Chain);
        }
    }

    internal void LoadAll(IReadOnlyList<Selector> selectors, int register)
    {
        foreach (Selector selector in selectors)
        {
            selector.Load(this, register);
            register += selector.Type.PaddedBytes() / 4;
        }
    }

    internal void Lookup(string set, int key, int? result, bool not = false)
    {
        using Scope expression = Expression("lookup");
        Text(1, set);
        Register(2, key);
        if (result is { } register)
        {
            Register(3, register);
        }
        if (not)
        {
            Number(5, 1);
        }
    }

    internal void Compare(int register, bool not, ReadOnlySpan<byte> value)
    {
        using Scope expression = Expression("cmp");
        Register(1, register);
        Number(2, not ? 1u : 0u);
        Data(3, value);
    }

    /// <summary>register = (register &amp; mask) ^ flip.</summary>
    internal void Bitwise(int register, ReadOnlySpan<byte> mask, ReadOnlySpan<byte> flip)
    {
        using Scope expression = Expression("bitwise");
        Register(1, register);
        Register(2, register);
        Number(3, (uint)mask.Length);
        Data(4, mask);
        Data(5, flip);
    }

    /// <summary>The comment in nft's own form: type, length, text with its zero byte.</summary>
    internal static byte[] Comment(string text)
    {
        byte[] bytes = new byte[2 + Encoding.UTF8.GetByteCount(text) + 1];
        bytes[1] = checked((byte)(bytes.Length - 2));
        Encoding.UTF8.GetBytes(text, bytes.AsSpan(2));
        return bytes;
    }

    /// <summary>An open expression with its open data.</summary>
    internal readonly ref struct Scope
    {
        private readonly MessageBuffer.NestScope _element;
        private readonly MessageBuffer.NestScope _data;

        internal Scope(MessageBuffer.NestScope element, MessageBuffer.NestScope data)
        {
            _element = element;
            _data = data;
        }

        public void Dispose()
        {
            _data.Dispose();
            _element.Dispose();
        }
    }
}
