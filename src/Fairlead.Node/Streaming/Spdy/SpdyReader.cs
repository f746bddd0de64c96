using System.Buffers.Binary;

namespace Fairlead.Node.Streaming.Spdy;

/// <summary>Reads big-endian fields off the bytes of a peer: the one place where their bounds are checked.</summary>
internal ref struct SpdyReader(ReadOnlySpan<byte> bytes)
{
    public ReadOnlySpan<byte> Rest { get; private set; } = bytes;

    public bool TryReadUInt32(out uint value)
    {
        var there = BinaryPrimitives.TryReadUInt32BigEndian(Rest, out value);
        if (there) Rest = Rest[4..];
        return there;
    }

    /// <summary>A length of 4 bytes and as many bytes as it says.</summary>
    public bool TryReadText(out ReadOnlySpan<byte> text)
    {
        text = default;
        if (!TryReadUInt32(out var length) || length > Rest.Length) return false;
        text = Rest[..(int)length];
        Rest = Rest[(int)length..];
        return true;
    }

    public bool TrySkip(int count)
    {
        if (count > Rest.Length) return false;
        Rest = Rest[count..];
        return true;
    }
}
