using Fairlead.Kube.Streams;

namespace Fairlead.Node.Streaming.Spdy;

/// <summary>A SPDY stream for those who take any stream. Disposing ends our direction.</summary>
internal sealed class SpdyByteStream(SpdyStream stream) : AsyncStream
{
    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => stream.ReadAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => stream.WriteAsync(buffer, cancellationToken);
}
