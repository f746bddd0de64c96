using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>Short connections: a byte comes, and both are done.</summary>
internal static class Connections
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    public static async Task ServeAsync(IPEndPoint address, byte name)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(address);
        listener.Listen(4096);
        byte[] answer = [name];
        while (true)
        {
            var connection = await listener.AcceptAsync();
            connection.LingerState = new LingerOption(true, 0);
            _ = AnswerAsync(connection, answer);
        }
    }

    private static async Task AnswerAsync(Socket connection, byte[] answer)
    {
        using (connection)
        {
            try
            {
                await connection.SendAsync(answer);
                // The client ends first, and without a farewell: no port waits afterwards.
                await connection.ReceiveAsync(new byte[1]);
            }
            catch (SocketException)
            {
                // As it is meant to.
            }
        }
    }

    /// <summary>What the server is called; null where none answers in time.</summary>
    public static async Task<char?> AskAsync(IPEndPoint address)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.LingerState = new LingerOption(true, 0);
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await socket.ConnectAsync(address, patience.Token);
            var answer = new byte[1];
            return await socket.ReceiveAsync(answer, patience.Token) == 1 ? (char)answer[0] : null;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return null;
        }
    }

    public static async Task<string> FirstAsync(IPEndPoint address, long since)
    {
        while (await AskAsync(address) is null)
        {
        }
        var now = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;
        return (now - since / 1e6).ToString("F0", CultureInfo.InvariantCulture);
    }

    public static async Task<string> CountAsync(IPEndPoint address, TimeSpan time)
    {
        var started = TimeProvider.System.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            var count = 0;
            while (TimeProvider.System.GetElapsedTime(started) < time)
            {
                if (await AskAsync(address) is not null) count++;
            }
            return count;
        }));
        return (counts.Sum() / time.TotalSeconds).ToString("F0", CultureInfo.InvariantCulture);
    }
}
