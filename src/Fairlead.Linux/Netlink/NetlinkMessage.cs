using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Netlink;

/// <summary>One received message; a view of the receive buffer, valid inside the handler only.</summary>
public readonly ref struct NetlinkMessage
{
    internal const ushort NoOperation = 1;
    internal const ushort Error = 2;
    internal const ushort Done = 3;
    private const ushort Capped = 0x100;
    private const ushort AckAttributes = 0x200;

    internal NetlinkMessage(ReadOnlySpan<byte> bytes)
    {
        Type = MemoryMarshal.Read<ushort>(bytes[4..]);
        Flags = (NetlinkFlags)MemoryMarshal.Read<ushort>(bytes[6..]);
        Sequence = MemoryMarshal.Read<uint>(bytes[8..]);
        PortId = MemoryMarshal.Read<uint>(bytes[12..]);
        Payload = bytes[MessageBuffer.HeaderSize..];
    }

    public ushort Type { get; }

    public NetlinkFlags Flags { get; }

    public uint Sequence { get; }

    /// <summary>The sender's port: 0 for the kernel; in notifications, who caused it.</summary>
    public uint PortId { get; }

    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>The attributes after a fixed header of this size.</summary>
    public AttributeReader Attributes(int headerSize) =>
        new(Payload.Length >= headerSize ? Payload[headerSize..] : []);

    /// <summary>The fixed header; a shorter payload is a protocol fault.</summary>
    public T Header<T>()
        where T : unmanaged
    {
        if (Payload.Length < Marshal.SizeOf<T>())
        {
            ThrowTruncated();
        }
        return MemoryMarshal.Read<T>(Payload);
    }

    /// <summary>The error of an Error or Done message (None for an acknowledgement) and the kernel's text.</summary>
    internal Errno ReadError(out string? detail) => ReadError(out detail, out _);

    /// <summary>Also the offset of the attribute at fault, from the start of the request's message; -1 when not said.</summary>
    internal Errno ReadError(out string? detail, out int offset)
    {
        detail = null;
        offset = -1;
        if (Payload.Length < 4)
        {
            return Errno.None;
        }
        var errno = (Errno)(-MemoryMarshal.Read<int>(Payload));
        ushort flags = (ushort)Flags;
        if (errno != Errno.None && (flags & AckAttributes) != 0)
        {
            // An error repeats the request's header, and its payload too unless the answer is capped; Done has neither.
            int skip = 4;
            if (Type == Error && Payload.Length >= 8)
            {
                uint original = Math.Min(MemoryMarshal.Read<uint>(Payload[4..]), (uint)Payload.Length);
                skip += (flags & Capped) != 0 ? MessageBuffer.HeaderSize : ((int)original + 3) & ~3;
            }
            foreach (Attribute attribute in Attributes(skip))
            {
                switch (attribute.Type)
                {
                    case 1: detail = attribute.Text(); break;
                    case 2: offset = (int)attribute.UInt32(); break;
                    default: break;
                }
            }
        }
        return errno;
    }

    [DoesNotReturn]
    private static void ThrowTruncated() => throw new InvalidDataException("netlink message is shorter than its header");

    /// <summary>Takes the next message off the front of a datagram; false at its end or when the rest is malformed.</summary>
    internal static bool TryRead(ref ReadOnlySpan<byte> datagram, out NetlinkMessage message)
    {
        message = default;
        if (datagram.Length < MessageBuffer.HeaderSize)
        {
            return false;
        }
        uint length = MemoryMarshal.Read<uint>(datagram);
        if (length < MessageBuffer.HeaderSize || length > datagram.Length)
        {
            return false;
        }
        message = new NetlinkMessage(datagram[..(int)length]);
        datagram = datagram[Math.Min(datagram.Length, ((int)length + 3) & ~3)..];
        return true;
    }
}

/// <summary>One attribute; a view like its message.</summary>
public readonly ref struct Attribute
{
    internal Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        Type = type;
        Value = value;
    }

    /// <summary>The type without the nested and byte-order flags.</summary>
    public ushort Type { get; }

    public ReadOnlySpan<byte> Value { get; }

    public AttributeReader Nested => new(Value);

    public byte Byte() => Value.Length >= 1 ? Value[0] : (byte)0;

    public ushort UInt16() => Value.Length >= 2 ? MemoryMarshal.Read<ushort>(Value) : (ushort)0;

    public uint UInt32() => Value.Length >= 4 ? MemoryMarshal.Read<uint>(Value) : 0;

    public uint UInt32Network() => Value.Length >= 4 ? System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(Value) : 0;

    public ushort UInt16Network() => Value.Length >= 2 ? System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(Value) : (ushort)0;

    public ulong UInt64Network() => Value.Length >= 8 ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(Value) : 0;

    public System.Net.IPAddress? Address() => Value.Length is 4 or 16 ? new System.Net.IPAddress(Value) : null;

    public string Text()
    {
        int end = Value.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
    }
}

/// <summary>Walks attributes; a malformed tail ends the walk, so that no reader checks bounds of its own.</summary>
public ref struct AttributeReader
{
    private ReadOnlySpan<byte> _rest;

    /// <summary>A reader over the bytes of consecutive attributes.</summary>
    public AttributeReader(ReadOnlySpan<byte> bytes)
    {
        _rest = bytes;
        Current = default;
    }

    public Attribute Current { get; private set; }

    public readonly AttributeReader GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_rest.Length < 4)
        {
            return false;
        }
        ushort length = MemoryMarshal.Read<ushort>(_rest);
        if (length < 4 || length > _rest.Length)
        {
            return false;
        }
        Current = new Attribute((ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & 0x3fff), _rest[4..length]);
        _rest = _rest[Math.Min(_rest.Length, (length + 3) & ~3)..];
        return true;
    }
}
