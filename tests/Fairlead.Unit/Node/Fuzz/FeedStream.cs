using Fairlead.Kube.Streams;

namespace Fairlead.Unit.Node.Fuzz;

/// <summary>A connection whose other side has said all that it will ever say, and hears nothing.</summary>
internal sealed class FeedStream(byte[] input) : AsyncStream
{
    private int _at;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Take(buffer.Span));

    public override int Read(byte[] buffer, int offset, int count) => Take(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => default;

    public override void Write(byte[] buffer, int offset, int count)
    {
    }

    private int Take(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, input.Length - _at);
        input.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }
}
