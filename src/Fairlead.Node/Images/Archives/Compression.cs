using System.IO.Compression;

namespace Fairlead.Node.Images.Archives;

/// <summary>Undoes the compression that a stream's first bytes tell of: gzip (RFC 1952), zstd (RFC 8878), or none.</summary>
internal static class Compression
{
    private const int MagicBytes = 4;

    /// <summary>The plain content; disposing it disposes the source.</summary>
    public static Stream Open(Stream source)
    {
        var start = new byte[MagicBytes];
        var count = source.ReadAtLeast(start, MagicBytes, throwOnEndOfStream: false);
        var whole = new PrefixedStream(start.AsMemory(0, count), source);
        if (start is [0x1F, 0x8B, ..]) return new GZipStream(whole, CompressionMode.Decompress);
        if (start is [0x28, 0xB5, 0x2F, 0xFD]) return new ZstdSharp.DecompressionStream(whole, leaveOpen: false);
        return whole;
    }

    /// <summary>Puts back in front what was read to look at it.</summary>
    private sealed class PrefixedStream(ReadOnlyMemory<byte> prefix, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _prefix = prefix;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (_prefix.Length == 0) return rest.Read(buffer);
            var count = Math.Min(buffer.Length, _prefix.Length);
            _prefix.Span[..count].CopyTo(buffer);
            _prefix = _prefix[count..];
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) rest.Dispose();
            base.Dispose(disposing);
        }
    }
}
