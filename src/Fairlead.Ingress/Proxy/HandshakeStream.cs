using System.Net.Sockets;
using Fairlead.Kube.Streams;

namespace Fairlead.Ingress.Proxy;

/// <summary>
/// A connection to a pod on which a TLS handshake has to be over in time: a pod that took the connection and then says nothing is as silent as one that does
/// not take it, and counts as such (nginx, too, has its proxy_connect_timeout for both).
/// </summary>
internal sealed class HandshakeStream(Stream inner, TimeSpan patience, TimeProvider time) : AsyncStream
{
    internal static readonly HttpRequestOptionsKey<HandshakeStream> Key = new("fairlead.handshake");
    private CancellationTokenSource? _late = new(patience, time);

    public override bool CanRead => true;

    public override bool CanWrite => true;

    /// <summary>The handshake is done: from here on requests have time-outs of their own.</summary>
    internal void IsOver() => Interlocked.Exchange(ref _late, null)?.Dispose();

    /// <exception cref="SocketException">With TimedOut: the handshake took too long.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _late is { } late ? ReadAsync(buffer, late.Token, cancellationToken) : inner.ReadAsync(buffer, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            IsOver();
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken late, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late, cancel);
        try
        {
            return await inner.ReadAsync(buffer, either.Token);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new SocketException((int)SocketError.TimedOut);
        }
    }
}
