using System.Buffers.Binary;
using System.Text;

namespace Fairlead.Testing;

/// <summary>HTTP/2 by hand (RFC 9113), for clients that do what no library does.</summary>
internal static class Http2Frames
{
    public const byte Data = 0, Headers = 1, Reset = 3, Settings = 4;

    /// <summary>Flags of HEADERS and DATA.</summary>
    public const byte EndStream = 1, EndHeaders = 4;
    private const byte GoAway = 7;

    public static ReadOnlyMemory<byte> Preface { get; } = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    /// <summary>HPACK: :method GET and :scheme https from the static table, :path / too, :authority as it is.</summary>
    public static byte[] Get(string host) => [0x82, 0x87, 0x84, 0x01, (byte)host.Length, .. Encoding.ASCII.GetBytes(host)];

    /// <summary>The same as POST, of which a body is to follow.</summary>
    public static byte[] Post(string host) => [0x83, .. Get(host)[1..]];

    public static byte[] Make(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        (frame[1], frame[2], frame[3], frame[4]) = ((byte)(payload.Length >> 8), (byte)payload.Length, type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    /// <exception cref="EndOfStreamException">There is none.</exception>
    public static async Task<(byte Type, byte Flags, int Stream, byte[] Payload)> ReadAsync(Stream stream)
    {
        var head = new byte[9];
        await stream.ReadExactlyAsync(head);
        var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
        await stream.ReadExactlyAsync(payload);
        return (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload);
    }

    /// <summary>The code of the server's farewell; -1 where it just ended.</summary>
    public static async Task<int> FarewellAsync(Stream stream)
    {
        try
        {
            while (true)
            {
                if (await ReadAsync(stream) is { Type: GoAway } farewell) return BinaryPrimitives.ReadInt32BigEndian(farewell.Payload.AsSpan(4));
            }
        }
        catch (IOException)
        {
            return -1;
        }
    }
}
