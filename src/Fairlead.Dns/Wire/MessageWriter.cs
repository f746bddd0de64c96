using System.Buffers.Binary;

namespace Fairlead.Dns.Wire;

/// <summary>
/// Writes a message into the caller's buffer, names compressed (RFC 1035 4.1.4). A write that does not fit sets
/// <see cref="Overflowed"/> and changes nothing else, so that a caller can drop the record that it began.
/// </summary>
internal ref struct MessageWriter(Span<byte> buffer, Span<ushort> nameStarts)
{
    private const ushort Pointer = 0xC000;
    private const int LastPointed = 0x3FFF;
    private readonly Span<byte> _buffer = buffer;

    /// <summary>Where labels that may be pointed at begin. How many the caller gives room for is how many are remembered.</summary>
    private readonly Span<ushort> _nameStarts = nameStarts;
    private int _names;

    internal int Position { get; private set; }

    internal bool Overflowed { get; private set; }

    /// <summary>Goes back to an earlier position, forgetting what was written since.</summary>
    internal void Rewind(int position)
    {
        Position = position;
        Overflowed = false;
        while (_names > 0 && _nameStarts[_names - 1] >= position)
        {
            _names--;
        }
    }

    internal void WriteByte(byte value)
    {
        if (Reserve(1))
        {
            _buffer[Position++] = value;
        }
    }

    internal void WriteUInt16(ushort value)
    {
        if (Reserve(sizeof(ushort)))
        {
            BinaryPrimitives.WriteUInt16BigEndian(_buffer[Position..], value);
            Position += sizeof(ushort);
        }
    }

    internal void WriteUInt32(uint value)
    {
        if (Reserve(sizeof(uint)))
        {
            BinaryPrimitives.WriteUInt32BigEndian(_buffer[Position..], value);
            Position += sizeof(uint);
        }
    }

    internal void WriteBytes(scoped ReadOnlySpan<byte> bytes)
    {
        if (Reserve(bytes.Length))
        {
            bytes.CopyTo(_buffer[Position..]);
            Position += bytes.Length;
        }
    }

    internal void WriteHeader(Header header)
    {
        WriteUInt16(header.Id);
        WriteUInt16(header.Flags);
        WriteUInt16(header.Questions);
        WriteUInt16(header.Answers);
        WriteUInt16(header.Authorities);
        WriteUInt16(header.Additionals);
    }

    /// <summary>Sets a 16-bit field of what is already written, such as a count or a length.</summary>
    internal readonly void Patch(int position, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(_buffer[position..], value);

    /// <summary>Writes a name, the longest suffix that stands in the message already as a pointer.</summary>
    /// <param name="name">Labels and the root's zero, uncompressed.</param>
    internal void WriteName(scoped ReadOnlySpan<byte> name)
    {
        while (name.Length > 1)
        {
            if (Find(name) is int earlier and > 0)
            {
                WriteUInt16((ushort)(Pointer | earlier));
                return;
            }
            int label = 1 + name[0];
            int start = Position;
            WriteBytes(name[..label]);
            if (!Overflowed && start <= LastPointed && _names < _nameStarts.Length)
            {
                _nameStarts[_names++] = (ushort)start;
            }
            name = name[label..];
        }
        WriteByte(0);
    }

    private readonly int Find(scoped ReadOnlySpan<byte> name)
    {
        for (int i = 0; i < _names; i++)
        {
            if (IsAt(_nameStarts[i], name))
            {
                return _nameStarts[i];
            }
        }
        return 0;
    }

    // Bytes are compared, not letters: a pointer must not change the case of what it stands for.
    private readonly bool IsAt(int at, scoped ReadOnlySpan<byte> name)
    {
        while (true)
        {
            int head = _buffer[at];
            if ((head & Pointer >> 8) == Pointer >> 8)
            {
                at = BinaryPrimitives.ReadUInt16BigEndian(_buffer[at..]) & LastPointed;
                continue;
            }
            if (head != name[0] || !_buffer.Slice(at, 1 + head).SequenceEqual(name[..(1 + head)]))
            {
                return false;
            }
            if (head == 0)
            {
                return true;
            }
            at += 1 + head;
            name = name[(1 + head)..];
            // The name at `at` is still being written when nothing follows yet.
            if (at >= Position)
            {
                return false;
            }
        }
    }

    private bool Reserve(int count)
    {
        Overflowed |= Position + count > _buffer.Length;
        return !Overflowed;
    }
}
