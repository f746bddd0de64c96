using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Fairlead.Node.Streaming.Spdy;

/// <summary>
/// SPDY/3.1 over a byte stream, as much of it as Kubernetes speaks: the client opens streams, both sides send data on them.
/// <see cref="RunAsync"/> reads; everything else may be called from anywhere.
/// </summary>
/// <param name="isClient">It is we who open streams: <see cref="OpenStreamAsync"/>.</param>
internal sealed partial class SpdyConnection(Stream transport, TimeProvider time, bool isClient = false) : IAsyncDisposable
{
    /// <summary>Streams open at a time; more are refused.</summary>
    private const int MostStreams = 1024;
    private const int LongestControl = 64 * 1024;
    private const int LongestData = 32 * 1024;

    /// <summary>While a stream's reader holds up the connection, a peer's end is noticed only by what can no longer be sent to it.</summary>
    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<int, SpdyStream> _streams = new();
    private readonly Channel<SpdyStream> _opened = Channel.CreateUnbounded<SpdyStream>();
    private readonly SpdyHeaderReader _headerReader = new();
    private readonly SpdyHeaderWriter _headerWriter = new();
    private readonly SpdyWindow _window = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly byte[] _buffer = new byte[LongestControl];
    private int _lastStream;
    private int _initialWindow = SpdyWindow.Initial;
    private bool _windowsCount;

    /// <summary>The peer's new streams; ends with the connection.</summary>
    public ChannelReader<SpdyStream> Opened => _opened.Reader;

    /// <summary>Serves until the peer goes, breaks the protocol, or the call is cancelled. Then every stream has ended.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var pinging = PingAsync(over);
        try
        {
            while (await TryReadFrameAsync(over.Token))
            {
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or System.Net.WebSockets.WebSocketException)
        {
            // It broke, which ends the streams as its end does.
        }
        _opened.Writer.TryComplete();
        foreach (var stream in _streams.Values) stream.End();
        _streams.Clear();
        _window.Begin(1);
        await over.CancelAsync();
        await pinging;
    }

    /// <summary>Says that no more streams are taken; the peer then closes when it has done with those that there are.</summary>
    public ValueTask GoAwayAsync(CancellationToken cancel) => SendControlAsync(SpdyFrameType.GoAway, _lastStream, 0, cancel);

    /// <summary>Sends one frame of data, as long as the windows allow; answers how much it took.</summary>
    public async ValueTask<int> SendAsync(SpdyStream stream, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        var ofStream = await stream.Window.TakeAsync(Math.Min(bytes.Length, LongestData), cancel);
        var count = await _window.TakeAsync(ofStream, cancel);
        stream.Window.Return(ofStream - count);
        if (stream.IsSendingOver) throw new IOException("the stream is closed");
        await SendFrameAsync(new(SpdyFrameType.Data, stream.Id, 0, count), bytes[..count], cancel);
        return count;
    }

    public ValueTask SendLastAsync(SpdyStream stream, CancellationToken cancel)
    {
        Forget(stream);
        return SendFrameAsync(new(SpdyFrameType.Data, stream.Id, SpdyFrameHead.Fin, 0), default, cancel);
    }

    public ValueTask SendResetAsync(int streamId, SpdyStatus status, CancellationToken cancel)
    {
        _streams.TryRemove(streamId, out _);
        return SendControlAsync(SpdyFrameType.RstStream, streamId, (int)status, cancel);
    }

    /// <summary>
    /// Lets the peer send more, on the stream and (SPDY/3.1) on the whole connection, whose stream is 0. Not as a client: the servers that there
    /// are count no windows, and what reaches one that has closed after its last word makes the kernel drop those of its words that are still unread.
    /// </summary>
    public async ValueTask GrantAsync(SpdyStream stream, int bytes, CancellationToken cancel)
    {
        if (isClient) return;
        await SendControlAsync(SpdyFrameType.WindowUpdate, stream.Id, bytes, cancel);
        await SendControlAsync(SpdyFrameType.WindowUpdate, 0, bytes, cancel);
    }

    public ValueTask DisposeAsync() => transport.DisposeAsync();

    private async ValueTask<bool> TryReadFrameAsync(CancellationToken cancel)
    {
        if (await transport.ReadAtLeastAsync(_buffer.AsMemory(0, SpdyFrameHead.Size), SpdyFrameHead.Size, throwOnEndOfStream: false, cancel) < SpdyFrameHead.Size) return false;
        if (!SpdyFrameHead.TryParse(_buffer, out var head)) return false;
        if (head.Type == SpdyFrameType.Data) return await TryReadDataAsync(head, cancel);
        if (head.Length > LongestControl) return false;
        await transport.ReadExactlyAsync(_buffer.AsMemory(0, head.Length), cancel);
        return await TakeControlAsync(head, cancel);
    }

    private async ValueTask<bool> TryReadDataAsync(SpdyFrameHead head, CancellationToken cancel)
    {
        _streams.TryGetValue(head.StreamId, out var stream);
        for (var left = head.Length; left > 0;)
        {
            var count = await transport.ReadAsync(_buffer.AsMemory(0, Math.Min(left, LongestData)), cancel);
            if (count == 0) return false;
            if (stream is not null) await stream.ReceiveAsync(_buffer.AsMemory(0, count), cancel);
            left -= count;
        }
        // What comes for a stream that was is on its way since before its end.
        if (stream is null && head.StreamId > _lastStream) await SendResetAsync(head.StreamId, SpdyStatus.InvalidStream, cancel);
        if (stream is not null && head.IsLast) EndReceiving(stream);
        return true;
    }

    private ValueTask<bool> TakeControlAsync(SpdyFrameHead head, CancellationToken cancel)
    {
        if (!SpdyControl.TryParse(head.Type, _buffer.AsSpan(0, head.Length), out var control)) return ValueTask.FromResult(false);
        _streams.TryGetValue(control.StreamId, out var stream);
        switch (head.Type)
        {
            case SpdyFrameType.SynStream:
                return _headerReader.Read(control.Block) is { } headers ? OpenAsync(control.StreamId, headers, head.IsLast, cancel) : ValueTask.FromResult(false);
            case SpdyFrameType.SynReply or SpdyFrameType.Headers:
                if (_headerReader.Read(control.Block) is null) return ValueTask.FromResult(false);
                if (stream is not null && head.IsLast) EndReceiving(stream);
                break;
            case SpdyFrameType.RstStream when stream is not null:
                stream.End();
                _streams.TryRemove(stream.Id, out _);
                break;
            // Odd numbers are the client's, even ones the server's; ours come back as answers.
            case SpdyFrameType.Ping when (control.Value & 1) == (isClient ? 0 : 1):
                return AnswerAsync(SendControlAsync(SpdyFrameType.Ping, control.Value, null, cancel));
            case SpdyFrameType.WindowUpdate:
                Grow(control.StreamId == 0 ? _window : stream?.Window, control.Value);
                break;
            case SpdyFrameType.Settings when control.Value > 0:
                TakeInitialWindow(control.Value);
                break;
            default:
                break;
        }
        return ValueTask.FromResult(true);
    }

    private static async ValueTask<bool> AnswerAsync(ValueTask answer)
    {
        await answer;
        return true;
    }

    private async ValueTask<bool> OpenAsync(int id, Dictionary<string, string> headers, bool isLast, CancellationToken cancel)
    {
        if (isClient || (id & 1) == 0 || id <= _lastStream)
        {
            await SendControlAsync(SpdyFrameType.RstStream, id, (int)SpdyStatus.ProtocolError, cancel);
            return true;
        }
        _lastStream = id;
        if (_streams.Count >= MostStreams)
        {
            await SendControlAsync(SpdyFrameType.RstStream, id, (int)SpdyStatus.RefusedStream, cancel);
            return true;
        }
        var stream = new SpdyStream(this, id, headers);
        if (_windowsCount) stream.Window.Begin(_initialWindow - SpdyWindow.Initial);
        if (isLast) stream.EndReceiving();
        _streams[id] = stream;
        await ReplyAsync(id, cancel);
        _opened.Writer.TryWrite(stream);
        return true;
    }

    /// <summary>Without a reply the peer takes no data on the stream.</summary>
    private async ValueTask ReplyAsync(int id, CancellationToken cancel)
    {
        await _sending.WaitAsync(cancel);
        try
        {
            await FlushAsync(HeaderFrame(SpdyFrameType.SynReply, id, 4, new Dictionary<string, string>()), cancel);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Made under the lock of those who send: blocks must go out in the order in which they were made.</summary>
    /// <param name="before">Bytes before the block: the stream's number, and zeros.</param>
    private byte[] HeaderFrame(SpdyFrameType type, int id, int before, IReadOnlyDictionary<string, string> headers)
    {
        var block = _headerWriter.Write(headers);
        var frame = new byte[SpdyFrameHead.Size + before + block.Length];
        new SpdyFrameHead(type, 0, 0, before + block.Length).Write(frame);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(SpdyFrameHead.Size), id);
        block.CopyTo(frame, SpdyFrameHead.Size + before);
        return frame;
    }

    private void EndReceiving(SpdyStream stream)
    {
        stream.EndReceiving();
        Forget(stream);
    }

    private void Forget(SpdyStream stream)
    {
        if (stream.IsOver) _streams.TryRemove(stream.Id, out _);
    }

    private void Grow(SpdyWindow? window, int more)
    {
        BeginCounting();
        window?.Begin(more);
    }

    private void TakeInitialWindow(int size)
    {
        BeginCounting();
        foreach (var stream in _streams.Values) stream.Window.Begin(size - _initialWindow);
        _initialWindow = size;
    }

    private void BeginCounting()
    {
        if (_windowsCount) return;
        _windowsCount = true;
        _window.Begin(0);
        foreach (var stream in _streams.Values) stream.Window.Begin(0);
    }

    private async Task PingAsync(CancellationTokenSource over)
    {
        if (isClient) return;
        try
        {
            using var timer = new PeriodicTimer(PingInterval, time);
            for (var number = 2; await timer.WaitForNextTickAsync(over.Token); number += 2)
                await SendControlAsync(SpdyFrameType.Ping, number, null, over.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The one who reads may be waiting for a stream's reader and not find out.
            await over.CancelAsync();
        }
    }

    private ValueTask SendControlAsync(SpdyFrameType type, int first, int? second, CancellationToken cancel)
    {
        var payload = new byte[second is null ? 4 : 8];
        BinaryPrimitives.WriteInt32BigEndian(payload, first);
        if (second is { } value) BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(4), value);
        return SendFrameAsync(new(type, 0, 0, payload.Length), payload, cancel);
    }

    private async ValueTask SendFrameAsync(SpdyFrameHead head, ReadOnlyMemory<byte> payload, CancellationToken cancel)
    {
        var frame = ArrayPool<byte>.Shared.Rent(SpdyFrameHead.Size + payload.Length);
        head.Write(frame);
        payload.CopyTo(frame.AsMemory(SpdyFrameHead.Size));
        await _sending.WaitAsync(cancel);
        try
        {
            await FlushAsync(frame.AsMemory(0, SpdyFrameHead.Size + payload.Length), cancel);
        }
        finally
        {
            _sending.Release();
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    /// <summary>A transport that is over says so in several ways; to those who send they are one.</summary>
    private async ValueTask FlushAsync(ReadOnlyMemory<byte> frame, CancellationToken cancel)
    {
        try
        {
            await transport.WriteAsync(frame, cancel);
            await transport.FlushAsync(cancel);
        }
        catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException or System.Net.WebSockets.WebSocketException)
        {
            throw new IOException("the connection is over", e);
        }
    }
}
