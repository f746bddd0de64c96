using System.Buffers.Binary;
using System.Text;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.Zip.Compression;

namespace Fairlead.Node.Streaming.Spdy;

/// <summary>
/// Reads header blocks (SPDY protocol, draft 3.1, section 2.6.10): a count, then names and values, all compressed as one zlib
/// stream over the connection's life, so every block must be read, in order, and after one that is wrong none can be.
/// </summary>
internal sealed class SpdyHeaderReader
{
    /// <summary>What a block may come to, in bytes: a few of them can be packed into very little.</summary>
    private const int LongestBlock = 64 * 1024;

    private readonly Inflater _inflater = new();
    private readonly byte[] _plain = new byte[LongestBlock];

    /// <summary>Null when the block is not readable.</summary>
    public Dictionary<string, string>? Read(ReadOnlySpan<byte> block)
    {
        try
        {
            return Inflate(block.ToArray()) is { } length ? Parse(_plain.AsSpan(0, length)) : null;
        }
        catch (Exception e) when (e is SharpZipBaseException or InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // The library says in all these ways that the bytes are no zlib stream.
            return null;
        }
    }

    private int? Inflate(byte[] block)
    {
        _inflater.SetInput(block);
        var length = 0;
        while (true)
        {
            var count = _inflater.Inflate(_plain, length, _plain.Length - length);
            length += count;
            if (length == _plain.Length) return null;
            if (count > 0) continue;
            if (_inflater.IsNeedingDictionary) _inflater.SetDictionary(SpdyDictionary.Bytes);
            else return _inflater.IsNeedingInput && !_inflater.IsFinished ? length : null;
        }
    }

    /// <summary>Names are in small letters; of several values of one name, which a zero byte parts, the first counts.</summary>
    internal static Dictionary<string, string>? Parse(ReadOnlySpan<byte> plain)
    {
        var reader = new SpdyReader(plain);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        if (!reader.TryReadUInt32(out var count)) return null;
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryReadText(out var name) || !reader.TryReadText(out var value)) return null;
            var end = value.IndexOf((byte)0);
            headers[Encoding.UTF8.GetString(name)] = Encoding.UTF8.GetString(end < 0 ? value : value[..end]);
        }
        return headers;
    }
}

/// <summary>
/// Writes header blocks; as the reader, one for the connection's life. They are stored, not compressed: what we say in
/// headers is next to nothing. An empty stored block ends each, without which Go's reader would wait for more.
/// </summary>
internal sealed class SpdyHeaderWriter
{
    /// <summary>Deflate with a window of 32 KiB and no dictionary (RFC 1950, section 2.2).</summary>
    private static readonly byte[] ZlibHead = [0x78, 0x01];
    private const int LongestStored = ushort.MaxValue;
    private bool _hasBegun;

    public byte[] Write(IReadOnlyDictionary<string, string> headers)
    {
        var plain = new MemoryStream();
        WriteNumber(plain, headers.Count);
        foreach (var (name, value) in headers)
        {
            WriteText(plain, name.ToLowerInvariant());
            WriteText(plain, value);
        }
        var block = new MemoryStream();
        if (!_hasBegun) block.Write(ZlibHead);
        _hasBegun = true;
        foreach (var part in plain.ToArray().Chunk(LongestStored)) WriteStored(block, part);
        WriteStored(block, []);
        return block.ToArray();
    }

    /// <summary>RFC 1951, section 3.2.4: a byte for "not the last, stored", the length and its complement, the bytes.</summary>
    private static void WriteStored(MemoryStream output, byte[] bytes)
    {
        Span<byte> head = [0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt16LittleEndian(head[1..], (ushort)bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(head[3..], (ushort)~bytes.Length);
        output.Write(head);
        output.Write(bytes);
    }

    private static void WriteText(MemoryStream output, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        WriteNumber(output, bytes.Length);
        output.Write(bytes);
    }

    private static void WriteNumber(MemoryStream output, int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        output.Write(bytes);
    }
}
