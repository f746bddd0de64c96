using System.Buffers;
using System.Net.WebSockets;
using System.Text;

namespace Fairlead.Node.Streaming;

/// <summary>Channels over one WebSocket. Many may send, one reads.</summary>
internal sealed class ChannelSocket(WebSocket socket, ChannelProtocol protocol) : IStreamClient
{
    private const int Limit = 4 << 20;
    private readonly SemaphoreSlim _sending = new(1);
    private readonly ArrayBufferWriter<byte> _message = new(4096);

    public bool HasStatus => protocol.HasStatus;

    public async Task SendAsync(byte channel, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        var (message, length) = Encode(channel, bytes.Span);
        await _sending.WaitAsync(cancel);
        try
        {
            var type = protocol.IsBase64 ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
            await socket.SendAsync(message.AsMemory(0, length), type, endOfMessage: true, cancel);
        }
        finally
        {
            _sending.Release();
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    public async Task ReceiveAsync(Func<ChannelMessage, CancellationToken, Task> take, CancellationToken cancel)
    {
        while (await ReceiveAsync(cancel) is { } message) await take(message, cancel);
    }

    /// <summary>The next message; null when the client has closed or the connection broke.</summary>
    public async Task<ChannelMessage?> ReceiveAsync(CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                _message.ResetWrittenCount();
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await socket.ReceiveAsync(_message.GetMemory(4096), cancel);
                    if (part.MessageType == WebSocketMessageType.Close) return null;
                    _message.Advance(part.Count);
                    if (_message.WrittenCount > Limit) return null;
                }
                while (!part.EndOfMessage);
                if (_message.WrittenCount > 0) return Decode(_message.WrittenMemory);
            }
        }
        catch (Exception e) when (e is WebSocketException or FormatException)
        {
            return null;
        }
    }

    public async Task CloseAsync(CancellationToken cancel)
    {
        await _sending.WaitAsync(cancel);
        try
        {
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, cancel);
        }
        catch (WebSocketException)
        {
            // It is gone already.
        }
        finally
        {
            _sending.Release();
        }
    }

    public ValueTask DisposeAsync()
    {
        _sending.Dispose();
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private (byte[] Message, int Length) Encode(byte channel, ReadOnlySpan<byte> bytes)
    {
        var message = ArrayPool<byte>.Shared.Rent(1 + (protocol.IsBase64 ? System.Buffers.Text.Base64.GetMaxEncodedToUtf8Length(bytes.Length) : bytes.Length));
        if (!protocol.IsBase64)
        {
            message[0] = channel;
            bytes.CopyTo(message.AsSpan(1));
            return (message, 1 + bytes.Length);
        }
        message[0] = (byte)('0' + channel);
        System.Buffers.Text.Base64.EncodeToUtf8(bytes, message.AsSpan(1), out _, out var written);
        return (message, 1 + written);
    }

    private ChannelMessage Decode(ReadOnlyMemory<byte> message)
    {
        if (!protocol.IsBase64) return new(message.Span[0], message[1..]);
        return new((byte)(message.Span[0] - '0'), Convert.FromBase64String(Encoding.ASCII.GetString(message.Span[1..])));
    }
}
