using System.Globalization;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Echo;

/// <summary>Answers that go on: server-sent events, and WebSockets.</summary>
internal static class EchoStreams
{
    private const int LongestMessage = 64 * 1024;
    private const string KeySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(1);

    /// <summary>"data: NAME 1", "data: NAME 2" …, the first at once, until the client leaves. Query "every=250" is the pause in milliseconds.</summary>
    internal static async Task SendEventsAsync(NetworkStream stream, string name, string query, CancellationToken cancel)
    {
        var pause = query.StartsWith("every=", StringComparison.Ordinal) && int.TryParse(query.AsSpan("every=".Length), CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0
            ? TimeSpan.FromMilliseconds(milliseconds) : Usual;
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray(), cancel);
        for (var number = 1; ; number++)
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"data: {name} {number}\n\n");
            await stream.WriteAsync(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n")), cancel);
            await Task.Delay(pause, TimeProvider.System, cancel);
        }
    }

    /// <summary>"NAME MESSAGE" for each message (RFC 6455), until the client closes.</summary>
    /// <param name="key">The client's Sec-WebSocket-Key.</param>
    internal static async Task TalkAsync(NetworkStream stream, string name, string key, CancellationToken cancel)
    {
#pragma warning disable CA5350 // RFC 6455, section 4.2.2, says so.
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + KeySuffix)));
#pragma warning restore CA5350
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"), cancel);
        using var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
        var greeting = Encoding.UTF8.GetBytes($"{name} ");
        var buffer = new byte[greeting.Length + LongestMessage];
        greeting.CopyTo(buffer, 0);
        try
        {
            while (await ReceiveAsync(socket, buffer, greeting.Length, cancel) is { } message)
            {
                var from = message.Type == WebSocketMessageType.Text ? 0 : greeting.Length;
                await socket.SendAsync(buffer.AsMemory(from, message.End - from), message.Type, true, cancel);
            }
            await socket.CloseAsync(socket.State == WebSocketState.CloseReceived ? WebSocketCloseStatus.NormalClosure : WebSocketCloseStatus.MessageTooBig, null, cancel);
        }
        catch (WebSocketException)
        {
            // The client went away.
        }
    }

    /// <summary>Null: the client closes, or its message is too long.</summary>
    private static async Task<(WebSocketMessageType Type, int End)?> ReceiveAsync(WebSocket socket, byte[] buffer, int start, CancellationToken cancel)
    {
        var end = start;
        while (end < buffer.Length)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(end), cancel);
            if (part.MessageType == WebSocketMessageType.Close) return null;
            end += part.Count;
            if (part.EndOfMessage) return (part.MessageType, end);
        }
        return null;
    }
}
