using System.Net.WebSockets;
using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using Fairlead.Node.Streaming.Spdy;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Streaming.PortForward;

/// <summary>
/// port-forward in the three ways that clients ask for it: SPDY, SPDY inside WebSocket messages, and WebSocket channels
/// (kubernetes/kubernetes, pkg/kubelet/server and k8s.io/apimachinery portforward constants).
/// </summary>
internal sealed class PortForwardEndpoint(PodLoop pods, IContainerRuntime runtime, ILogger log)
{
    private const string Version = "portforward.k8s.io";
    private const string Tunnel = "SPDY/3.1+portforward.k8s.io";
    private static readonly TimeSpan Goodbye = TimeSpan.FromSeconds(1);

    public async Task HandleAsync(HttpContext context, string ns, string name)
    {
        if (pods.Find(ns, name) is not { } pod)
        {
            await KubeletEndpoints.TextAsync(context, StatusCodes.Status404NotFound, "pod does not exist");
            return;
        }
        var uid = pod.Metadata.Uid;
        var forwarder = new PortForwarder(uid, (port, cancel) => runtime.ConnectAsync(uid, port, cancel), TimeProvider.System, log);
        if (context.WebSockets.IsWebSocketRequest) await OverWebSocketAsync(context, forwarder);
        else if (StreamUpgrade.IsSpdy(context.Request)) await OverSpdyAsync(context, forwarder);
        else await KubeletEndpoints.TextAsync(context, StatusCodes.Status400BadRequest, "Upgrade request required");
    }

    private static async Task OverSpdyAsync(HttpContext context, PortForwarder forwarder)
    {
        var offered = StreamUpgrade.Versions(context.Request);
        if (offered.Length > 0 && !offered.Contains(Version))
        {
            await StreamUpgrade.RefuseVersionsAsync(context, [Version]);
            return;
        }
        await using var connection = await StreamUpgrade.SwitchAsync(context, offered.Length == 0 ? "" : Version);
        await new SpdyPortForward(connection, forwarder).RunAsync(context.RequestAborted);
    }

    private static async Task OverWebSocketAsync(HttpContext context, PortForwarder forwarder)
    {
        if (context.WebSockets.WebSocketRequestedProtocols.Contains(Tunnel))
        {
            var socket = await StreamUpgrade.AcceptWebSocketAsync(context, Tunnel);
            await using var connection = new SpdyConnection(WebSocketStream.Create(socket, WebSocketMessageType.Binary, Goodbye), TimeProvider.System);
            await new SpdyPortForward(connection, forwarder).RunAsync(context.RequestAborted);
            return;
        }
        var ports = ChannelPortForward.Ports(context.Request.Query);
        if (ports is null || ChannelProtocol.Choose(context.WebSockets.WebSocketRequestedProtocols) is not { } protocol)
        {
            await KubeletEndpoints.TextAsync(context, StatusCodes.Status400BadRequest, "query parameter \"port\" is required, and a WebSocket protocol that is known");
            return;
        }
        await using var channels = new ChannelSocket(await context.WebSockets.AcceptWebSocketAsync(protocol.Name.Length == 0 ? null : protocol.Name), protocol);
        await new ChannelPortForward(channels, ports, forwarder).RunAsync(context.RequestAborted);
    }
}
