using System.Globalization;
using System.Net;
using System.Text;
using Fairlead.ApiServer.HTTP.Tunnels;
using Fairlead.ApiServer.Resources;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// Connections to the kubelet API of nodes, as the API server's own identity. Upgraded connections (WebSocket, SPDY) are
/// passed through byte by byte, so whatever client and node agree on works.
/// </summary>
internal sealed class NodeTunnel(NodeConnections connections) : IDisposable
{
    private const int LongestHead = 16 * 1024;
    private const int LongestRefusal = 64 * 1024;
    private readonly HttpClient _http = new(connections.CreateHandler()) { Timeout = Timeout.InfiniteTimeSpan };

    public void Dispose() => _http.Dispose();

    /// <summary>Carries a plain GET through, streaming; over a WebSocket to a client that asks for one.</summary>
    public async Task GetAsync(HttpContext context, NodeEndPoint node, string pathAndQuery)
    {
        using var request = NodeConnections.Mark(new HttpRequestMessage(HttpMethod.Get, $"https://{node.Authority}{pathAndQuery}"), node);
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        }
        catch (HttpRequestException e)
        {
            throw NodeConnections.OutOfReach(node, e);
        }
        using (response)
        {
            if (!response.IsSuccessStatusCode)
            {
                var text = await response.Content.ReadAsStringAsync(context.RequestAborted);
                throw Refused((int)response.StatusCode, text);
            }
            await using var body = await response.Content.ReadAsStreamAsync(context.RequestAborted);
            if (LogSocket.IsWanted(context))
            {
                await LogSocket.SendAsync(context, body);
                return;
            }
            context.Response.ContentType = "text/plain";
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            await CopyAsync(body, context.Response.Body, context.RequestAborted);
        }
    }

    /// <summary>Any request, to be answered as it is.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, NodeEndPoint node, CancellationToken cancel) =>
        _http.SendAsync(NodeConnections.Mark(request, node), HttpCompletionOption.ResponseHeadersRead, cancel);

    /// <summary>A plain connection from that node to an address.</summary>
    /// <exception cref="ApiError">503: the node or the address is out of reach.</exception>
    public async Task<Stream> DialAsync(NodeEndPoint node, IPEndPoint address, CancellationToken cancel)
    {
        var stream = await connections.ConnectAsync(node, cancel);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /dial/{address.Address}/{address.Port} HTTP/1.1\r\nHost: {node.Authority}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"), cancel);
        var (head, rest) = await ReadHeadAsync(stream, cancel);
        var lines = head.Split("\r\n");
        if (CodeOf(lines[0]) == 101) return stream;
        var why = await ReadRefusalAsync(stream, rest, lines, cancel);
        await stream.DisposeAsync();
        throw ApiError.Unavailable($"error trying to reach service: {why.Trim()}");
    }

    /// <summary>Carries an upgrade through and then joins the two connections until either ends.</summary>
    public async Task UpgradeAsync(HttpContext context, NodeEndPoint node, string pathAndQuery)
    {
        RequireUpgrade(context);
        await UpgradeAsync(context, await connections.ConnectAsync(node, context.RequestAborted), node.Authority, pathAndQuery, everyHeader: false);
    }

    /// <summary>The same over a connection that is there; it is disposed of at the end.</summary>
    /// <param name="everyHeader">False: those alone that the streams of Kubernetes need.</param>
    public static async Task UpgradeAsync(HttpContext context, Stream stream, string host, string pathAndQuery, bool everyHeader)
    {
        await using var owned = stream;
        var upgrade = RequireUpgrade(context);
        var cancel = context.RequestAborted;
        await stream.WriteAsync(Encoding.Latin1.GetBytes(RequestHead(context, host, pathAndQuery, everyHeader)), cancel);
        var (head, rest) = await ReadHeadAsync(stream, cancel);
        var lines = head.Split("\r\n");
        var code = CodeOf(lines[0]);
        if (code != 101) throw Refused(code, await ReadRefusalAsync(stream, rest, lines, cancel));
        foreach (var line in lines.Skip(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && !line.StartsWith("Connection:", StringComparison.OrdinalIgnoreCase) && !line.StartsWith("Date:", StringComparison.OrdinalIgnoreCase) && !line.StartsWith("Server:", StringComparison.OrdinalIgnoreCase))
                context.Response.Headers.Append(line[..colon], line[(colon + 1)..].Trim());
        }
        await using var client = await upgrade.UpgradeAsync();
        await client.WriteAsync(rest, cancel);
        await client.FlushAsync(cancel);
        await JoinAsync(client, stream, cancel);
    }

    private static IHttpUpgradeFeature RequireUpgrade(HttpContext context) =>
        context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade ? upgrade : throw ApiError.BadRequest("Upgrade request required");

    private static int CodeOf(string statusLine) => int.Parse(statusLine.Split(' ', 3)[1], CultureInfo.InvariantCulture);

    private static async Task JoinAsync(Stream client, Stream node, CancellationToken aborted)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        var up = CopyAsync(client, node, either.Token);
        var down = CopyAsync(node, client, either.Token);
        // The node ends the conversation; a client that goes away ends it too, so that no process is left behind.
        await Task.WhenAny(up, down);
        await either.CancelAsync();
        await Task.WhenAll(up, down).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    internal static async Task CopyAsync(Stream from, Stream to, CancellationToken cancel)
    {
        var buffer = new byte[32 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, cancel) is var count and > 0)
            {
                await to.WriteAsync(buffer.AsMemory(0, count), cancel);
                await to.FlushAsync(cancel);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One side went away, which ends the stream as its end does.
        }
    }

    private static string RequestHead(HttpContext context, string host, string pathAndQuery, bool everyHeader)
    {
        var head = new StringBuilder($"{context.Request.Method} {pathAndQuery} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n");
        foreach (var (name, values) in context.Request.Headers)
        {
            var passed = everyHeader
                ? !(name.Equals("Host", StringComparison.OrdinalIgnoreCase) || name.Equals("Connection", StringComparison.OrdinalIgnoreCase) || name.Equals("Authorization", StringComparison.OrdinalIgnoreCase))
                : name.StartsWith("Sec-WebSocket-", StringComparison.OrdinalIgnoreCase)
                || name.Equals("Upgrade", StringComparison.OrdinalIgnoreCase)
                || name.Equals("X-Stream-Protocol-Version", StringComparison.OrdinalIgnoreCase);
            if (!passed) continue;
            foreach (var value in values) head.Append(name).Append(": ").Append(value).Append("\r\n");
        }
        return head.Append("\r\n").ToString();
    }

    private static async Task<(string Head, byte[] Following)> ReadHeadAsync(Stream stream, CancellationToken cancel)
    {
        var buffer = new byte[LongestHead];
        var length = 0;
        while (length < buffer.Length)
        {
            var count = await stream.ReadAsync(buffer.AsMemory(length), cancel);
            if (count == 0) break;
            length += count;
            var end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0) return (Encoding.Latin1.GetString(buffer, 0, end), buffer[(end + 4)..length]);
        }
        throw ApiError.Unavailable("the node ended the connection before it answered");
    }

    private static async Task<string> ReadRefusalAsync(Stream stream, byte[] rest, string[] head, CancellationToken cancel)
    {
        var length = head.Select(line => line.Split(':', 2))
            .Where(pair => pair.Length == 2 && pair[0].Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            .Select(pair => int.TryParse(pair[1], NumberStyles.None | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var value) ? value : 0)
            .FirstOrDefault();
        var body = new byte[Math.Min(length, LongestRefusal)];
        rest.AsSpan(0, Math.Min(rest.Length, body.Length)).CopyTo(body);
        for (var at = Math.Min(rest.Length, body.Length); at < body.Length;)
        {
            var count = await stream.ReadAsync(body.AsMemory(at), cancel);
            if (count == 0) break;
            at += count;
        }
        return Encoding.UTF8.GetString(body);
    }

    private static ApiError Refused(int code, string text)
    {
        var message = text.Trim();
        return code switch
        {
            400 => ApiError.BadRequest(message),
            404 => new ApiError(404, "NotFound", message),
            _ => ApiError.Internal(message.Length > 0 ? message : $"the node answered {code}"),
        };
    }
}
