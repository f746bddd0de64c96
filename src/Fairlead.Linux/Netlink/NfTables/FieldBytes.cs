using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>The value of one field or of a concatenation, as the kernel lays it out; equal when the bytes are.</summary>
public readonly struct FieldBytes : IEquatable<FieldBytes>
{
    private readonly byte[]? _bytes;

    /// <summary>Takes over the array, which must not change afterwards.</summary>
    public FieldBytes(byte[] bytes) => _bytes = bytes;

    public ReadOnlySpan<byte> Span => _bytes;

    public bool IsEmpty => _bytes is null or { Length: 0 };

    public bool Equals(FieldBytes other) => Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => obj is FieldBytes other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public static bool operator ==(FieldBytes left, FieldBytes right) => left.Equals(right);

    public static bool operator !=(FieldBytes left, FieldBytes right) => !left.Equals(right);

    /// <summary>In nft's words, as in "10.96.0.1 . tcp . 443".</summary>
    public string ToText(IReadOnlyList<FieldType> types)
    {
        var text = new StringBuilder();
        ReadOnlySpan<byte> rest = Span;
        foreach (FieldType type in types)
        {
            text.Append(text.Length == 0 ? "" : " . ").Append(Text(type, rest));
            rest = rest[Math.Min(rest.Length, type.PaddedBytes())..];
        }
        return text.ToString();
    }

    private static string Text(FieldType type, ReadOnlySpan<byte> bytes) => type switch
    {
        FieldType.IPv4Address => new IPAddress(bytes[..4]).ToString(),
        FieldType.IPv6Address => new IPAddress(bytes[..16]).ToString(),
        FieldType.Protocol => bytes[0] switch
        {
            6 => "tcp",
            17 => "udp",
            132 => "sctp",
            byte other => other.ToString(CultureInfo.InvariantCulture),
        },
        FieldType.Port => BinaryPrimitives.ReadUInt16BigEndian(bytes).ToString(CultureInfo.InvariantCulture),
        _ => $"0x{MemoryMarshal.Read<uint>(bytes):x8}",
    };
}

/// <summary>Lays out a concatenation of known length, field after field; allocates the result's array and nothing else.</summary>
public ref struct FieldBuilder
{
    private readonly byte[] _bytes;
    private int _length;

    /// <summary>Room for exactly these types.</summary>
    public FieldBuilder(IReadOnlyList<FieldType> types) => _bytes = new byte[FieldTypes.Length(types)];

    public FieldBuilder Address(IPAddress value)
    {
        value.TryWriteBytes(_bytes.AsSpan(_length), out int written);
        _length += written;
        return this;
    }

    public FieldBuilder Protocol(byte value)
    {
        _bytes[_length] = value;
        _length += 4;
        return this;
    }

    public FieldBuilder Port(int value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_bytes.AsSpan(_length), (ushort)value);
        _length += 4;
        return this;
    }

    /// <summary>A number of four bytes in the machine's order, as numgen and marks are.</summary>
    public FieldBuilder Mark(uint value)
    {
        MemoryMarshal.Write(_bytes.AsSpan(_length), value);
        _length += 4;
        return this;
    }

    public readonly FieldBytes Build() => new(_bytes);
}
