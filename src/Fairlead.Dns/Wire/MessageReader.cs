using System.Buffers.Binary;

namespace Fairlead.Dns.Wire;

/// <summary>
/// Reads a message of the wire (RFC 1035 4) front to back. It borrows the bytes. Every read is checked here, in one place:
/// what would leave the message answers false, and the position is then meaningless.
/// </summary>
internal ref struct MessageReader(ReadOnlySpan<byte> message)
{
    private const int PointerBits = 0xC0;
    private readonly ReadOnlySpan<byte> _message = message;

    internal int Position { get; private set; }

    internal readonly int Remaining => _message.Length - Position;

    internal bool TryReadByte(out byte value)
    {
        bool there = Remaining >= 1;
        value = there ? _message[Position] : (byte)0;
        Position += there ? 1 : 0;
        return there;
    }

    internal bool TryReadUInt16(out ushort value)
    {
        bool there = Remaining >= sizeof(ushort);
        value = there ? BinaryPrimitives.ReadUInt16BigEndian(_message[Position..]) : (ushort)0;
        Position += there ? sizeof(ushort) : 0;
        return there;
    }

    internal bool TryReadUInt32(out uint value)
    {
        bool there = Remaining >= sizeof(uint);
        value = there ? BinaryPrimitives.ReadUInt32BigEndian(_message[Position..]) : 0;
        Position += there ? sizeof(uint) : 0;
        return there;
    }

    internal bool TrySkip(int count)
    {
        bool there = count >= 0 && Remaining >= count;
        Position += there ? count : 0;
        return there;
    }

    internal bool TryReadHeader(out Header header)
    {
        bool there = TryReadUInt16(out ushort id) & TryReadUInt16(out ushort flags) & TryReadUInt16(out ushort questions)
            & TryReadUInt16(out ushort answers) & TryReadUInt16(out ushort authorities) & TryReadUInt16(out ushort additionals);
        header = new Header(id, flags, questions, answers, authorities, additionals);
        return there;
    }

    /// <summary>
    /// Reads a name, following compression pointers (RFC 1035 4.1.4), into <paramref name="name"/>: labels with their length
    /// bytes and the root's zero, in the case of the message. A pointer must point before the place where the name or the last
    /// pointer's target began, so that no chain of them is endless.
    /// </summary>
    /// <param name="name">At least <see cref="Limits.Name"/> bytes.</param>
    internal bool TryReadName(scoped Span<byte> name, out int length)
    {
        length = 0;
        int at = Position, earliest = Position, end = -1;
        while (at < _message.Length)
        {
            int head = _message[at];
            if ((head & PointerBits) == PointerBits)
            {
                if (at + 1 >= _message.Length)
                {
                    return false;
                }
                int target = ((head & ~PointerBits) << 8) | _message[at + 1];
                end = end < 0 ? at + 2 : end;
                if (target >= earliest || target < Limits.Header)
                {
                    return false;
                }
                at = earliest = target;
                continue;
            }
            // 01 and 10 are label types that were given up (RFC 6891 5).
            if (head > Limits.Label || at + 1 + head > _message.Length || length + 1 + head > Limits.Name)
            {
                return false;
            }
            _message.Slice(at, 1 + head).CopyTo(name[length..]);
            length += 1 + head;
            at += 1 + head;
            if (head == 0)
            {
                Position = end < 0 ? at : end;
                return true;
            }
        }
        return false;
    }

    internal bool TrySkipName()
    {
        Span<byte> name = stackalloc byte[Limits.Name];
        return TryReadName(name, out _);
    }

    /// <summary>Reads what follows a record's owner name; its data starts at <see cref="Position"/> and is inside the message.</summary>
    internal bool TryReadRecordHead(out RecordHead head)
    {
        bool there = TryReadUInt16(out ushort type) & TryReadUInt16(out ushort recordClass);
        int timeToLiveAt = Position;
        there = there & TryReadUInt32(out uint timeToLive) & TryReadUInt16(out ushort length) && length <= Remaining;
        head = new RecordHead((RecordType)type, recordClass, timeToLive, timeToLiveAt, length);
        return there;
    }
}

internal readonly record struct Header(ushort Id, ushort Flags, ushort Questions, ushort Answers, ushort Authorities, ushort Additionals)
{
    internal bool IsResponse => (Flags & HeaderFlags.Response) != 0;

    internal ResponseCode Code => (ResponseCode)(Flags & HeaderFlags.CodeMask);
}

/// <param name="TimeToLiveAt">Where in the message the TTL stands.</param>
/// <param name="Length">Bytes of data.</param>
internal readonly record struct RecordHead(RecordType Type, ushort Class, uint TimeToLive, int TimeToLiveAt, ushort Length);
