using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Fairlead.Node.Streaming.Spdy;

namespace Fairlead.Node.Streaming.PortForward;

/// <summary>
/// Connections over SPDY: each has a stream for its data and one for an error, with the same <c>requestid</c> and a
/// <c>port</c> in their headers.
/// </summary>
internal sealed class SpdyPortForward(SpdyConnection connection, PortForwarder forwarder)
{
    private readonly Dictionary<string, SpdyStream> _halves = [];
    private readonly ConcurrentDictionary<int, Task> _forwards = new();

    public async Task RunAsync(CancellationToken aborted)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        var running = connection.RunAsync(over.Token);
        try
        {
            await foreach (var stream in connection.Opened.ReadAllAsync(over.Token)) await TakeAsync(stream, over.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client is gone.
        }
        await over.CancelAsync();
        await running;
        await Task.WhenAll(_forwards.Values);
    }

    private async Task TakeAsync(SpdyStream stream, CancellationToken cancel)
    {
        var type = stream.Headers.GetValueOrDefault("streamtype");
        var isPort = int.TryParse(stream.Headers.GetValueOrDefault("port"), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= ushort.MaxValue;
        if (type is not ("data" or "error") || !isPort)
        {
            await stream.ResetAsync(SpdyStatus.ProtocolError, cancel);
            return;
        }
        // Clients from before request ids open the error stream and then the data stream.
        var request = stream.Headers.GetValueOrDefault("requestid") ?? $"{(type == "error" ? stream.Id : stream.Id - 2)}";
        if (!_halves.Remove(request, out var other))
        {
            _halves[request] = stream;
            return;
        }
        if (other.Headers.GetValueOrDefault("streamtype") == type)
        {
            await stream.ResetAsync(SpdyStatus.ProtocolError, cancel);
            _halves[request] = other;
            return;
        }
        var pair = type == "data" ? new Pair(stream, other) : new Pair(other, stream);
        _forwards[pair.Data.Id] = Task.Run(() => ForwardAsync(pair, port, cancel), CancellationToken.None);
    }

    private async Task ForwardAsync(Pair pair, int port, CancellationToken cancel)
    {
        try
        {
            await forwarder.ForwardAsync(pair, port, cancel);
            await pair.EndAsync(cancel);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client is gone.
        }
        _forwards.TryRemove(pair.Data.Id, out _);
    }

    private sealed class Pair(SpdyStream data, SpdyStream error) : IForwardedConnection
    {
        public SpdyStream Data => data;

        public bool IsReset => data.IsSendingOver;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel) => data.ReadAsync(buffer, cancel);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => data.WriteAsync(bytes, cancel);

        public ValueTask CompleteAsync(CancellationToken cancel) => data.CompleteAsync(cancel);

        public async ValueTask FailAsync(string message, CancellationToken cancel) => await error.WriteAsync(Encoding.UTF8.GetBytes(message), cancel);

        public async ValueTask EndAsync(CancellationToken cancel)
        {
            await data.CompleteAsync(cancel);
            await error.CompleteAsync(cancel);
            data.StopReading();
            error.StopReading();
        }
    }
}
