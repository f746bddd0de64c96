using System.Net;

namespace Fairlead.Kube.Grpc;

/// <summary>
/// A call with messages in both directions. One task writes, one reads. Disposing gives the call up, where the server has not ended it.
/// </summary>
public sealed class GrpcStream : IAsyncDisposable
{
    private readonly GrpcRequests _requests;
    private readonly Task<HttpResponseMessage> _sending;
    private readonly CancellationTokenSource _stop;
    private GrpcAnswers? _answers;

    internal GrpcStream(GrpcRequests requests, Task<HttpResponseMessage> sending, CancellationTokenSource stop) =>
        (_requests, _sending, _stop) = (requests, sending, stop);

    /// <exception cref="GrpcException">Unavailable: the call has ended; <see cref="ReadAsync"/> says how.</exception>
    public async Task WriteAsync(ReadOnlyMemory<byte> message, CancellationToken cancel)
    {
        // Nobody asks for the body of a request that found no connection.
        await Task.WhenAny(_requests.Body, _sending).WaitAsync(cancel);
        if (!_requests.Body.IsCompletedSuccessfully) await _sending;
        try
        {
            var body = await _requests.Body.WaitAsync(cancel);
            await body.WriteAsync(GrpcFrame.Write(message.Span), cancel);
            await body.FlushAsync(cancel);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException)
        {
            throw new GrpcException(GrpcCode.Unavailable, e.Message, e);
        }
    }

    /// <summary>No more messages from here.</summary>
    public void EndWriting() => _requests.End();

    /// <summary>The next message; null where the server ended the call well.</summary>
    /// <exception cref="GrpcException">It ended otherwise.</exception>
    public async Task<byte[]?> ReadAsync(CancellationToken cancel)
    {
        _answers ??= await GrpcAnswers.OfAsync(await _sending.WaitAsync(cancel), cancel);
        return await _answers.NextAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await ((Task)_sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_sending.IsCompletedSuccessfully) (await _sending).Dispose();
        _answers?.Dispose();
        _requests.Dispose();
        _stop.Dispose();
    }
}

/// <summary>A request's body that stays open for messages to come.</summary>
internal sealed class GrpcRequests : HttpContent
{
    private readonly TaskCompletionSource<Stream> _body = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<Stream> Body => _body.Task;

    public void End() => _end.TrySetResult();

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // The headers go now: a server may speak first.
        await stream.FlushAsync(cancellationToken);
        _body.TrySetResult(stream);
        await _end.Task.WaitAsync(cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
