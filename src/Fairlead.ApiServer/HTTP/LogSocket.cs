using System.Net.WebSockets;
using System.Text;
using Fairlead.ApiServer.Resources;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// A stream of text as messages of a WebSocket: bytes in protocol <c>binary.k8s.io</c> and without one, base64 text in
/// <c>base64.binary.k8s.io</c>. The server says goodbye when the stream ends; what a client sends is passed over.
/// </summary>
internal static class LogSocket
{
    private const string Base64 = "base64.binary.k8s.io";
    private const int LongestMessage = 32 * 1024;

    public static bool IsWanted(HttpContext context) => context.WebSockets.IsWebSocketRequest;

    public static async Task SendAsync(HttpContext context, Stream text)
    {
        var asked = context.WebSockets.WebSocketRequestedProtocols;
        var protocol = asked.FirstOrDefault(name => name is "binary.k8s.io" or Base64);
        if (asked.Count > 0 && protocol is null) throw ApiError.BadRequest($"no such protocol: {string.Join(", ", asked)}; there are binary.k8s.io and {Base64}");
        using var socket = await context.WebSockets.AcceptWebSocketAsync(protocol);
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var receiving = ReceiveAsync(socket, gone);
        try
        {
            await SendAsync(socket, text, protocol == Base64, gone.Token);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, gone.Token);
            gone.CancelAfter(TimeSpan.FromSeconds(1));
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException)
        {
            // The client went away.
            await gone.CancelAsync();
        }
        await receiving;
    }

    private static async Task SendAsync(WebSocket socket, Stream text, bool asBase64, CancellationToken cancel)
    {
        var buffer = new byte[LongestMessage];
        while (await text.ReadAsync(buffer, cancel) is var count and > 0)
        {
            if (asBase64) await socket.SendAsync(Encoding.ASCII.GetBytes(Convert.ToBase64String(buffer, 0, count)), WebSocketMessageType.Text, true, cancel);
            else await socket.SendAsync(buffer.AsMemory(0, count), WebSocketMessageType.Binary, true, cancel);
        }
    }

    /// <summary>Until the client says goodbye or is lost.</summary>
    private static async Task ReceiveAsync(WebSocket socket, CancellationTokenSource gone)
    {
        var ignored = new byte[1024];
        try
        {
            while ((await socket.ReceiveAsync(ignored.AsMemory(), gone.Token)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // Lost, or there is no more to wait for.
        }
        await gone.CancelAsync();
    }
}
