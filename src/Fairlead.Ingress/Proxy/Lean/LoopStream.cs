using Fairlead.Kube.Streams;
using Fairlead.Linux.Sockets.Loop;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>What TLS runs over: a loop's socket at first, and Kestrel's transport once the connection is Kestrel's.</summary>
/// <param name="first">Bytes of it that were read before.</param>
internal sealed class LoopStream(LoopSocket socket, ReadOnlyMemory<byte> first) : AsyncStream
{
    private Stream? _other;

    private long _ends = long.MaxValue;

    /// <summary>For each operation.</summary>
    internal TimeSpan Patience { get; set; } = Timeout.InfiniteTimeSpan;

    /// <summary>For all operations from now on together, in place of what each has: a byte now and then buys nobody time.</summary>
    internal void EndWithin(TimeSpan patience) => _ends = patience == Timeout.InfiniteTimeSpan ? long.MaxValue : socket.Loop.Now + (long)(patience.TotalSeconds * socket.Loop.Time.TimestampFrequency);

    private TimeSpan Left()
    {
        if (_ends == long.MaxValue) return Patience;
        var now = socket.Loop.Now;
        return now < _ends ? socket.Loop.Time.GetElapsedTime(now, _ends) : TimeSpan.Zero;
    }

    public override bool CanRead => true;
    public override bool CanWrite => true;

    internal void MoveTo(Stream other) => _other = other;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!first.IsEmpty)
        {
            var taken = Math.Min(first.Length, buffer.Length);
            first[..taken].CopyTo(buffer);
            first = first[taken..];
            return taken;
        }
        if (_other is { } other) return await other.ReadAsync(buffer, cancellationToken);
        var count = buffer.IsEmpty ? await socket.ReadableAsync(Left()) : await socket.ReceiveAsync(buffer, Left());
        return count >= 0 ? count : throw new LoopFailure(count);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_other is { } other)
        {
            await other.WriteAsync(buffer, cancellationToken);
            return;
        }
        var count = await socket.SendAsync(buffer, Left());
        if (count < 0) throw new LoopFailure(count);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => _other?.FlushAsync(cancellationToken) ?? Task.CompletedTask;
}

/// <summary>An operation of a loop's socket failed, below TLS, which knows exceptions only.</summary>
internal sealed class LoopFailure(int result) : IOException($"the connection failed with {-result}")
{
    internal int Result => result;
}
