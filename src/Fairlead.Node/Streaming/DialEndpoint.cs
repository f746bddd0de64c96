using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.Node.Streaming;

/// <summary>
/// A plain connection from this node to an address, carried over an upgraded request (<c>Upgrade: tcp</c>). The API server reaches pods
/// this way for its proxy subresources: it need not have a route to them.
/// </summary>
internal static class DialEndpoint
{
    public const string Protocol = "tcp";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task HandleAsync(HttpContext context, string address, string port)
    {
        var upgrade = context.Features.Get<IHttpUpgradeFeature>();
        if (!IPAddress.TryParse(address, out var ip) || !ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || upgrade is not { IsUpgradableRequest: true } || context.Request.Headers.Upgrade != Protocol)
        {
            await KubeletEndpoints.TextAsync(context, StatusCodes.Status400BadRequest, "an upgrade to tcp at /dial/ADDRESS/PORT is wanted");
            return;
        }
        using var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            patience.CancelAfter(Patience);
            await socket.ConnectAsync(new IPEndPoint(ip, number), patience.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            await KubeletEndpoints.TextAsync(context, StatusCodes.Status503ServiceUnavailable, e is SocketException ? $"dial tcp {address}:{port}: {e.Message}" : $"dial tcp {address}:{port}: i/o timeout");
            return;
        }
        context.Response.Headers.Upgrade = Protocol;
        await using var client = await upgrade.UpgradeAsync();
        await using var target = new NetworkStream(socket);
        await JoinAsync(client, socket, target, context.RequestAborted);
    }

    /// <summary>Carries both ways; an end of input on one side becomes one on the other.</summary>
    private static async Task JoinAsync(Stream client, Socket socket, Stream target, CancellationToken cancel)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var up = CopyAsync(client, target, both.Token);
        var down = CopyAsync(target, client, both.Token);
        if (await Task.WhenAny(up, down) == up && await up)
        {
            socket.Shutdown(SocketShutdown.Send);
            await down;
        }
        await both.CancelAsync();
        await Task.WhenAll(up, down);
    }

    /// <summary>Answers whether the source came to its end, rather than broke.</summary>
    private static async Task<bool> CopyAsync(Stream from, Stream to, CancellationToken cancel)
    {
        var buffer = new byte[32 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, cancel) is var count and > 0)
            {
                await to.WriteAsync(buffer.AsMemory(0, count), cancel);
                await to.FlushAsync(cancel);
            }
            return true;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // A connection that breaks ends the conversation.
            return false;
        }
    }
}
