using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Node.Streaming.Spdy;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.Node.Streaming;

/// <summary>Turns a request into a conversation, over WebSocket or SPDY/3.1 as the client asks.</summary>
internal static class StreamUpgrade
{
    public const string Spdy = "SPDY/3.1";

    /// <summary>A client that goes while its input stands still is noticed only by what can no longer be sent to it.</summary>
    public static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(5);

    private const string VersionHeader = "X-Stream-Protocol-Version";

    public static bool IsSpdy(HttpRequest request) => request.Headers.Upgrade.ToString().Equals(Spdy, StringComparison.OrdinalIgnoreCase);

    /// <summary>The versions that a SPDY client offers, its favourite first.</summary>
    public static string[] Versions(HttpRequest request) =>
        [.. request.Headers[VersionHeader].SelectMany(line => (line ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>The client of an exec or attach. Null: it has been refused.</summary>
    public static async Task<IStreamClient?> AcceptAsync(HttpContext context, ExecRequest request)
    {
        if (context.WebSockets.IsWebSocketRequest) return await AcceptWebSocketAsync(context);
        if (IsSpdy(context.Request)) return await AcceptSpdyAsync(context, request);
        await KubeletEndpoints.TextAsync(context, StatusCodes.Status400BadRequest, "Upgrade request required");
        return null;
    }

    /// <summary>Switches the connection over to SPDY, in the version given.</summary>
    public static async Task<SpdyConnection> SwitchAsync(HttpContext context, string version)
    {
        context.Response.Headers.Upgrade = Spdy;
        if (version.Length > 0) context.Response.Headers[VersionHeader] = version;
        return new SpdyConnection(await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync(), TimeProvider.System);
    }

    /// <summary>
    /// Accepts a WebSocket by hand (RFC 6455, section 4.2.2): the framework's own handshake refuses a sub-protocol with a slash
    /// in its name, which the RFC's grammar does as well, and Kubernetes does not.
    /// </summary>
    public static async Task<WebSocket> AcceptWebSocketAsync(HttpContext context, string protocol)
    {
        var key = context.Request.Headers.SecWebSocketKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        context.Response.Headers.Upgrade = "websocket";
#pragma warning disable CA5350 // The handshake's own; it protects nothing.
        context.Response.Headers.SecWebSocketAccept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key)));
#pragma warning restore CA5350
        context.Response.Headers.SecWebSocketProtocol = protocol;
        var stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = KeepAlive });
    }

    /// <summary>None of the versions offered is known here: says which are.</summary>
    public static Task RefuseVersionsAsync(HttpContext context, IEnumerable<string> known)
    {
        context.Response.Headers["X-Accepted-Stream-Protocol-Versions"] = known.ToArray();
        return KubeletEndpoints.TextAsync(context, StatusCodes.Status403Forbidden,
            $"unable to upgrade: unable to negotiate protocol: client supports [{string.Join(' ', Versions(context.Request))}], server accepts [{string.Join(' ', known)}]");
    }

    private static async Task<IStreamClient?> AcceptWebSocketAsync(HttpContext context)
    {
        if (ChannelProtocol.Choose(context.WebSockets.WebSocketRequestedProtocols) is { } protocol)
            return new ChannelSocket(await context.WebSockets.AcceptWebSocketAsync(protocol.Name.Length == 0 ? null : protocol.Name), protocol);
        await KubeletEndpoints.TextAsync(context, StatusCodes.Status403Forbidden, "none of the asked-for WebSocket protocols is known");
        return null;
    }

    private static async Task<IStreamClient?> AcceptSpdyAsync(HttpContext context, ExecRequest request)
    {
        var offered = Versions(context.Request);
        if (SpdyProtocol.Choose(offered) is { } protocol)
        {
            var connection = await SwitchAsync(context, offered.Length == 0 ? "" : protocol.Name);
            return await SpdyClient.OpenAsync(connection, protocol, request, TimeProvider.System, context.RequestAborted);
        }
        await RefuseVersionsAsync(context, SpdyProtocol.Names);
        return null;
    }
}
