using System.Buffers.Binary;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Node.Streaming.PortForward;

/// <summary>
/// One connection for each port asked for, over WebSocket channels: 2n carries the data of the n-th, 2n + 1 its error; the first
/// message of each is the port, two bytes, little end first (kubernetes/kubernetes, pkg/kubelet portforward/websocket.go).
/// </summary>
internal sealed class ChannelPortForward(ChannelSocket channels, int[] ports, PortForwarder forwarder)
{
    private const int MostPorts = 64;
    private static readonly TimeSpan Goodbye = TimeSpan.FromSeconds(1);

    /// <summary>The query's ports; null when there are none, or others than ports.</summary>
    public static int[]? Ports(IQueryCollection query)
    {
        var ports = query["ports"].Concat(query["port"]).SelectMany(text => (text ?? "").Split(','))
            .Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : 0).ToArray();
        return ports.Length is > 0 and <= MostPorts && Array.TrueForAll(ports, port => port is > 0 and <= ushort.MaxValue) ? ports : null;
    }

    public async Task RunAsync(CancellationToken aborted)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        var connections = ports.Select((_, index) => new Connection(channels, (byte)(2 * index))).ToArray();
        try
        {
            for (var i = 0; i < ports.Length; i++) await connections[i].AnnounceAsync(ports[i], over.Token);
            var forwards = ports.Select((port, index) => ForwardAsync(connections[index], port, over.Token)).ToArray();
            var receiving = channels.ReceiveAsync((message, cancel) => TakeAsync(connections, message, cancel), over.Token);
            await Task.WhenAny(receiving, Task.WhenAll(forwards));
            if (!receiving.IsCompleted)
            {
                await channels.CloseAsync(over.Token);
                // Breaking the read off at once would reset the connection under what is still on its way to the client.
                over.CancelAfter(Goodbye);
                await receiving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            await over.CancelAsync();
            await Task.WhenAll([receiving, .. forwards]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or WebSocketException)
        {
            // The client is gone.
        }
    }

    private async Task ForwardAsync(Connection connection, int port, CancellationToken cancel)
    {
        try
        {
            await forwarder.ForwardAsync(connection, port, cancel);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or WebSocketException)
        {
            // The client is gone.
        }
    }

    private static Task TakeAsync(Connection[] connections, ChannelMessage message, CancellationToken cancel) =>
        message.Channel % 2 == 0 && message.Channel / 2 < connections.Length ? connections[message.Channel / 2].TakeAsync(message.Bytes, cancel) : Task.CompletedTask;

    private sealed class Connection(ChannelSocket channels, byte data) : IForwardedConnection
    {
        private readonly Pipe _received = new();

        public bool IsReset => false;

        public async Task AnnounceAsync(int port, CancellationToken cancel)
        {
            var bytes = new byte[2];
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)port);
            await channels.SendAsync(data, bytes, cancel);
            await channels.SendAsync((byte)(data + 1), bytes, cancel);
        }

        public async Task TakeAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => await _received.Writer.WriteAsync(bytes, cancel);

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel) => _received.Reader.AsStream(leaveOpen: true).ReadAsync(buffer, cancel);

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => await channels.SendAsync(data, bytes, cancel);

        public ValueTask CompleteAsync(CancellationToken cancel) => ValueTask.CompletedTask;

        public async ValueTask FailAsync(string message, CancellationToken cancel) => await channels.SendAsync((byte)(data + 1), Encoding.UTF8.GetBytes(message), cancel);
    }
}
