using Fairlead.Kube.Streams;

namespace Fairlead.ApiServer.HTTP.Tunnels;

/// <summary>A connection that belongs to a request, used by another: the request goes on until it is disposed of.</summary>
internal sealed class LentStream(Stream inner) : AsyncStream
{
    private readonly TaskCompletionSource _returned = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when it is not used any more.</summary>
    public Task Returned => _returned.Task;

    public override bool CanRead => true;
    public override bool CanWrite => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await inner.WriteAsync(buffer, cancellationToken);
        await inner.FlushAsync(cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    protected override void Dispose(bool disposing)
    {
        _returned.TrySetResult();
        base.Dispose(disposing);
    }
}
