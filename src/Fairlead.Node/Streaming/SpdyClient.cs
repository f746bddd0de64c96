using Fairlead.Node.Streaming.Spdy;

namespace Fairlead.Node.Streaming;

/// <summary>The versions of exec and attach over SPDY (kubernetes/kubernetes, k8s.io/apimachinery remotecommand constants).</summary>
/// <param name="HasResize">A terminal has a stream for its size (v3 and later).</param>
internal sealed record SpdyProtocol(string Name, bool HasStatus, bool HasResize)
{
    private static readonly SpdyProtocol[] Known =
    [
        new("v4.channel.k8s.io", HasStatus: true, HasResize: true),
        new("v3.channel.k8s.io", HasStatus: false, HasResize: true),
        new("v2.channel.k8s.io", HasStatus: false, HasResize: false),
        new("channel.k8s.io", HasStatus: false, HasResize: false),
    ];

    public static IEnumerable<string> Names => Known.Select(known => known.Name);

    /// <summary>The first of the client's that is known; null when it named only others. One that names none is of the first version.</summary>
    public static SpdyProtocol? Choose(IReadOnlyCollection<string> asked) =>
        asked.Count == 0 ? Known[^1] : asked.Select(name => Array.Find(Known, known => known.Name == name)).FirstOrDefault(known => known is not null);
}

/// <summary>Exec and attach over SPDY: a stream for each channel, named by its header <c>streamtype</c>.</summary>
internal sealed class SpdyClient : IStreamClient
{
    /// <summary>How long the client may take to open its streams, as in kubelet.</summary>
    private static readonly TimeSpan Opening = TimeSpan.FromSeconds(30);

    private readonly SpdyConnection _connection;
    private readonly SpdyProtocol _protocol;
    private readonly CancellationTokenSource _over = new();
    private readonly Dictionary<byte, SpdyStream> _streams = [];
    private readonly Task _running;

    private SpdyClient(SpdyConnection connection, SpdyProtocol protocol)
    {
        (_connection, _protocol) = (connection, protocol);
        _running = connection.RunAsync(_over.Token);
    }

    public bool HasStatus => _protocol.HasStatus;

    /// <summary>Waits for the streams that the request names; null when they do not come.</summary>
    public static async Task<SpdyClient?> OpenAsync(SpdyConnection connection, SpdyProtocol protocol, ExecRequest request, TimeProvider time, CancellationToken cancel)
    {
        var client = new SpdyClient(connection, protocol);
        using var late = new CancellationTokenSource(Opening, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancel);
        try
        {
            if (await client.CollectAsync(Expected(request, protocol), either.Token)) return client;
        }
        catch (OperationCanceledException)
        {
            // Too late, or gone.
        }
        await client.DisposeAsync();
        return null;
    }

    public Task SendAsync(byte channel, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
        _streams.TryGetValue(channel, out var stream) ? stream.WriteAsync(bytes, cancel).AsTask() : Task.CompletedTask;

    public async Task ReceiveAsync(Func<ChannelMessage, CancellationToken, Task> take, CancellationToken cancel)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using var end = cancel.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _over);
        Task[] pumps = [PumpInputAsync(take, gone.Token), PumpSizesAsync(take, gone.Token)];
        await _running;
        await gone.CancelAsync();
        await Task.WhenAll(pumps).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async Task CloseAsync(CancellationToken cancel)
    {
        // Output ends before the result: a client prints what it has and then looks how it ended.
        foreach (var channel in (byte[])[StreamChannel.Output, StreamChannel.Errors, StreamChannel.Result, StreamChannel.Input, StreamChannel.Resize])
        {
            if (_streams.TryGetValue(channel, out var stream)) await stream.CompleteAsync(cancel);
        }
        await _connection.GoAwayAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _running;
        await _connection.DisposeAsync();
        _over.Dispose();
    }

    private static HashSet<byte> Expected(ExecRequest request, SpdyProtocol protocol)
    {
        HashSet<byte> expected = [StreamChannel.Result];
        if (request.Input) expected.Add(StreamChannel.Input);
        if (request.Output) expected.Add(StreamChannel.Output);
        if (request.Error) expected.Add(StreamChannel.Errors);
        if (request.Tty && protocol.HasResize) expected.Add(StreamChannel.Resize);
        return expected;
    }

    private async Task<bool> CollectAsync(HashSet<byte> expected, CancellationToken cancel)
    {
        while (expected.Count > 0)
        {
            if (!await _connection.Opened.WaitToReadAsync(cancel) || !_connection.Opened.TryRead(out var stream)) return false;
            if (Channel(stream.Headers.GetValueOrDefault("streamtype")) is { } channel && expected.Remove(channel)) _streams[channel] = stream;
            else await stream.ResetAsync(SpdyStatus.RefusedStream, cancel);
        }
        return true;
    }

    private static byte? Channel(string? type) => type switch
    {
        "stdin" => StreamChannel.Input,
        "stdout" => StreamChannel.Output,
        "stderr" => StreamChannel.Errors,
        "error" => StreamChannel.Result,
        "resize" => StreamChannel.Resize,
        _ => null,
    };

    /// <summary>Hands over input as it comes, and its end.</summary>
    private async Task PumpInputAsync(Func<ChannelMessage, CancellationToken, Task> take, CancellationToken cancel)
    {
        if (!_streams.TryGetValue(StreamChannel.Input, out var stream)) return;
        var buffer = new byte[32 * 1024];
        while (await stream.ReadAsync(buffer, cancel) is var count and > 0) await take(new(StreamChannel.Input, buffer.AsMemory(0, count)), cancel);
        await take(new(StreamChannel.Close, new[] { StreamChannel.Input }), cancel);
    }

    /// <summary>Hands over sizes one by one: several may come at once, and one in parts. Each ends with its brace.</summary>
    private async Task PumpSizesAsync(Func<ChannelMessage, CancellationToken, Task> take, CancellationToken cancel)
    {
        if (!_streams.TryGetValue(StreamChannel.Resize, out var stream)) return;
        var buffer = new byte[4096];
        var length = 0;
        while (await stream.ReadAsync(buffer.AsMemory(length), cancel) is var count and > 0)
        {
            length += count;
            while (buffer.AsSpan(0, length).IndexOf((byte)'}') is var end and >= 0)
            {
                await take(new(StreamChannel.Resize, buffer.AsMemory(0, end + 1)), cancel);
                buffer.AsSpan((end + 1)..length).CopyTo(buffer);
                length -= end + 1;
            }
            // No size is that long.
            if (length == buffer.Length) length = 0;
        }
    }
}
