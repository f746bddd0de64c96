namespace Fairlead.Node.Streaming;

/// <summary>A message of one channel (<see cref="StreamChannel"/>). The bytes are valid until the next one is read.</summary>
internal readonly record struct ChannelMessage(byte Channel, ReadOnlyMemory<byte> Bytes);

/// <summary>The client's side of an exec or attach, whatever carries it: WebSocket messages or SPDY streams. Many may send.</summary>
internal interface IStreamClient : IAsyncDisposable
{
    /// <summary>The result is a Status in JSON; before version 4 it is an error's text or nothing.</summary>
    bool HasStatus { get; }

    Task SendAsync(byte channel, ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>Hands over input, sizes and the end of input until the client says goodbye or is lost.</summary>
    Task ReceiveAsync(Func<ChannelMessage, CancellationToken, Task> take, CancellationToken cancel);

    /// <summary>Says goodbye; the client's own may come or not.</summary>
    Task CloseAsync(CancellationToken cancel);
}
