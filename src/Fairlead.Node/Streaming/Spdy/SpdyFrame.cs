using System.Buffers.Binary;

namespace Fairlead.Node.Streaming.Spdy;

/// <summary>Frame types (SPDY protocol, draft 3.1, section 2.6). Data frames have no number of their own.</summary>
internal enum SpdyFrameType
{
    Data = 0,
    SynStream = 1,
    SynReply = 2,
    RstStream = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    Headers = 8,
    WindowUpdate = 9,
}

/// <summary>Why a stream is reset (section 2.6.3).</summary>
internal enum SpdyStatus
{
    ProtocolError = 1,
    InvalidStream = 2,
    RefusedStream = 3,
    Cancel = 5,
}

/// <summary>The 8 bytes before every frame. Control: 1, version (15 bits), type (16). Data: 0, stream (31). Then flags (8), length (24).</summary>
/// <param name="Length">Bytes that follow.</param>
internal readonly record struct SpdyFrameHead(SpdyFrameType Type, int StreamId, byte Flags, int Length)
{
    public const int Size = 8;
    public const byte Fin = 1;
    private const int Version = 3;

    /// <summary>The sender says no more on this stream; so only in the frames that have this flag.</summary>
    public bool IsLast => (Flags & Fin) != 0;

    /// <summary>False when it is of another version: then the two do not understand each other.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out SpdyFrameHead head)
    {
        var reader = new SpdyReader(bytes);
        head = default;
        if (!reader.TryReadUInt32(out var first) || !reader.TryReadUInt32(out var second)) return false;
        var (flags, length) = ((byte)(second >> 24), (int)(second & 0xFFFFFF));
        if (first < 0x80000000)
        {
            head = new(SpdyFrameType.Data, (int)first, flags, length);
            return true;
        }
        head = new((SpdyFrameType)(first & 0xFFFF), 0, flags, length);
        return ((first >> 16) & 0x7FFF) == Version && head.Type != SpdyFrameType.Data;
    }

    public void Write(Span<byte> bytes)
    {
        var first = Type == SpdyFrameType.Data ? (uint)StreamId : 0x80000000 | (Version << 16) | (uint)Type;
        BinaryPrimitives.WriteUInt32BigEndian(bytes, first);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], ((uint)Flags << 24) | (uint)Length);
    }
}

/// <summary>A control frame's content.</summary>
internal readonly ref struct SpdyControl(int streamId, int value, ReadOnlySpan<byte> block)
{
    private const int InitialWindowSetting = 7;

    /// <summary>0 for frames that are about the connection.</summary>
    public int StreamId { get; } = streamId;

    /// <summary>Status, ping number, window difference, or the initial window of settings (0: they name none).</summary>
    public int Value { get; } = value;

    /// <summary>The compressed headers; valid as long as the payload.</summary>
    public ReadOnlySpan<byte> Block { get; } = block;

    /// <summary>False when the payload is shorter than its type. Types that nobody knows have no content.</summary>
    public static bool TryParse(SpdyFrameType type, ReadOnlySpan<byte> payload, out SpdyControl control)
    {
        var reader = new SpdyReader(payload);
        control = default;
        uint stream = 0, value = 0;
        var whole = type switch
        {
            // The stream that it belongs to, priority and credential slot mean nothing here.
            SpdyFrameType.SynStream => reader.TryReadUInt32(out stream) && reader.TrySkip(6),
            SpdyFrameType.SynReply or SpdyFrameType.Headers => reader.TryReadUInt32(out stream),
            SpdyFrameType.RstStream or SpdyFrameType.WindowUpdate => reader.TryReadUInt32(out stream) && reader.TryReadUInt32(out value),
            SpdyFrameType.Ping => reader.TryReadUInt32(out value),
            SpdyFrameType.GoAway => reader.TryReadUInt32(out stream),
            SpdyFrameType.Settings => TryReadSettings(ref reader, out value),
            _ => true,
        };
        if (!whole) return false;
        control = new((int)(stream & 0x7FFFFFFF), type == SpdyFrameType.Ping ? (int)value : (int)(value & 0x7FFFFFFF), reader.Rest);
        return true;
    }

    private static bool TryReadSettings(ref SpdyReader reader, out uint window)
    {
        window = 0;
        if (!reader.TryReadUInt32(out var count)) return false;
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt32(out var id) || !reader.TryReadUInt32(out var value)) return false;
            if ((id & 0xFFFFFF) == InitialWindowSetting) window = value;
        }
        return true;
    }
}
