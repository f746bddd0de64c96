using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Netlink;

/// <summary>
/// Netlink messages under construction, one after another (linux/netlink.h). Owns its bytes and grows; lengths and
/// four-byte alignment are kept here and nowhere else. Attribute values are host order unless the name says Network.
/// </summary>
public sealed class MessageBuffer
{
    internal const int HeaderSize = 16;
    internal const ushort NestedFlag = 0x8000;
    private byte[] _bytes;
    private int _message = -1;

    /// <summary>An empty buffer.</summary>
    public MessageBuffer(int capacity = 1024) => _bytes = new byte[capacity];

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Everything written so far; valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Forgets all messages and keeps the memory.</summary>
    public void Clear()
    {
        Length = 0;
        _message = -1;
    }

    /// <summary>Starts a message; the one before must have been ended.</summary>
    public void Begin(ushort type, NetlinkFlags flags, uint sequence = 0)
    {
        if (_message >= 0)
        {
            throw new InvalidOperationException("The message before was not ended.");
        }
        _message = Length;
        Span<byte> header = Reserve(HeaderSize);
        Write(header[4..], type);
        Write(header[6..], (ushort)(flags | NetlinkFlags.Request));
        Write(header[8..], sequence);
    }

    /// <summary>Ends the message: its length is now known.</summary>
    public void End()
    {
        Write(_bytes.AsSpan(_message), (uint)(Length - _message));
        _message = -1;
    }

    /// <summary>Adds flags to the message that starts here.</summary>
    internal void AddFlags(int start, NetlinkFlags flags)
    {
        Span<byte> field = _bytes.AsSpan(start + 6);
        Write(field, (ushort)(MemoryMarshal.Read<ushort>(field) | (ushort)flags));
    }

    /// <summary>Gives the first message its sequence number.</summary>
    internal void Stamp(uint sequence) => Write(_bytes.AsSpan(8), sequence);

    /// <summary>Zeroed room of this size, padded to four bytes.</summary>
    public Span<byte> Reserve(int size)
    {
        int padded = (size + 3) & ~3;
        if (_bytes.Length - Length < padded)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + padded));
        }
        Span<byte> room = _bytes.AsSpan(Length, padded);
        room.Clear();
        Length += padded;
        return room[..size];
    }

    /// <summary>A fixed header after the netlink header.</summary>
    public void Struct<T>(in T value)
        where T : unmanaged => MemoryMarshal.Write(Reserve(Marshal.SizeOf<T>()), value);

    /// <summary>Room for the value of an attribute.</summary>
    public Span<byte> Attribute(ushort type, int size)
    {
        Span<byte> room = Reserve(4 + size);
        Write(room, checked((ushort)(4 + size)));
        Write(room[2..], type);
        return room[4..];
    }

    public void Flag(ushort type) => Attribute(type, 0);

    public void Byte(ushort type, byte value) => Attribute(type, 1)[0] = value;

    public void UInt16(ushort type, ushort value) => Write(Attribute(type, 2), value);

    public void UInt32(ushort type, uint value) => Write(Attribute(type, 4), value);

    public void UInt32Network(ushort type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(Attribute(type, 4), value);

    public void UInt16Network(ushort type, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Attribute(type, 2), value);

    public void UInt64Network(ushort type, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Attribute(type, 8), value);

    public void Bytes(ushort type, ReadOnlySpan<byte> value) => value.CopyTo(Attribute(type, value.Length));

    /// <summary>A string with the zero byte that the kernel wants at its end.</summary>
    public void Text(ushort type, string value) =>
        Encoding.UTF8.GetBytes(value, Attribute(type, Encoding.UTF8.GetByteCount(value) + 1));

    public void Address(ushort type, IPAddress value)
    {
        Span<byte> room = Attribute(type, value.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 4 : 16);
        value.TryWriteBytes(room, out _);
    }

    /// <summary>An attribute that holds attributes, until the scope is disposed.</summary>
    public NestScope Nest(ushort type, bool flagged = true)
    {
        int start = Length;
        Attribute((ushort)(flagged ? type | NestedFlag : type), 0);
        return new NestScope(this, start);
    }

    private static void Write(Span<byte> room, ushort value) => MemoryMarshal.Write(room, value);

    private static void Write(Span<byte> room, uint value) => MemoryMarshal.Write(room, value);

    /// <summary>An open nested attribute; disposing writes its length.</summary>
    public readonly ref struct NestScope
    {
        private readonly MessageBuffer _buffer;
        private readonly int _start;

        internal NestScope(MessageBuffer buffer, int start)
        {
            _buffer = buffer;
            _start = start;
        }

        /// <summary>Bytes in the attribute so far; the kernel's limit is 65,535.</summary>
        public int Length => _buffer.Length - _start;

        public void Dispose() => Write(_buffer._bytes.AsSpan(_start), checked((ushort)(_buffer.Length - _start)));
    }
}
