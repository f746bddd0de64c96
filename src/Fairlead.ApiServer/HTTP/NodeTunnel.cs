using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.ApiServer.Resources;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// Connections to the kubelet API of nodes, as the API server's own identity. Upgraded connections (WebSocket, SPDY) are
/// passed through byte by byte, so whatever client and node agree on works.
/// </summary>
internal sealed class NodeTunnel(X509Certificate2 identity, X509Certificate2Collection authorities) : IDisposable
{
    private const int LongestHead = 16 * 1024;
    private const int LongestRefusal = 64 * 1024;
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        SslOptions = Options(identity, authorities),
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    public void Dispose() => _http.Dispose();

    /// <summary>Carries a plain GET through, streaming.</summary>
    public async Task GetAsync(HttpContext context, IPEndPoint node, string pathAndQuery)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://{node}{pathAndQuery}");
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        }
        catch (HttpRequestException e)
        {
            throw OutOfReach(node, e);
        }
        using (response)
        {
            if (!response.IsSuccessStatusCode)
            {
                var text = await response.Content.ReadAsStringAsync(context.RequestAborted);
                throw Refused((int)response.StatusCode, text);
            }
            context.Response.ContentType = "text/plain";
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            await using var body = await response.Content.ReadAsStreamAsync(context.RequestAborted);
            await CopyAsync(body, context.Response.Body, context.RequestAborted);
        }
    }

    /// <summary>Carries an upgrade through and then joins the two connections until either ends.</summary>
    public async Task UpgradeAsync(HttpContext context, IPEndPoint node, string pathAndQuery)
    {
        var upgrade = context.Features.Get<IHttpUpgradeFeature>();
        if (upgrade is not { IsUpgradableRequest: true }) throw ApiError.BadRequest("Upgrade request required");
        var cancel = context.RequestAborted;
        await using var stream = await ConnectAsync(node, cancel);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(RequestHead(context, node, pathAndQuery)), cancel);
        var (head, rest) = await ReadHeadAsync(stream, cancel);
        var lines = head.Split("\r\n");
        var code = int.Parse(lines[0].Split(' ', 3)[1], CultureInfo.InvariantCulture);
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

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken cancel)
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

    private async Task<SslStream> ConnectAsync(IPEndPoint node, CancellationToken cancel)
    {
        var socket = new Socket(node.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        SslStream? stream = null;
        try
        {
            await socket.ConnectAsync(node, cancel);
            stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
            var options = Options(identity, authorities);
            options.TargetHost = node.Address.ToString();
            await stream.AuthenticateAsClientAsync(options, cancel);
            return stream;
        }
        catch (Exception e) when (e is SocketException or AuthenticationException or IOException)
        {
            if (stream is not null) await stream.DisposeAsync();
            socket.Dispose();
            throw OutOfReach(node, e);
        }
    }

    private static string RequestHead(HttpContext context, IPEndPoint node, string pathAndQuery)
    {
        var head = new StringBuilder($"{context.Request.Method} {pathAndQuery} HTTP/1.1\r\nHost: {node}\r\nConnection: Upgrade\r\n");
        foreach (var (name, values) in context.Request.Headers)
        {
            var passed = name.StartsWith("Sec-WebSocket-", StringComparison.OrdinalIgnoreCase)
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

    private static ApiError OutOfReach(IPEndPoint node, Exception e) =>
        ApiError.Internal($"error dialing backend: the node at {node} is out of reach: {e.Message}");

    private static SslClientAuthenticationOptions Options(X509Certificate2 identity, X509Certificate2Collection authorities) => new()
    {
        ClientCertificates = [identity],
        ApplicationProtocols = [SslApplicationProtocol.Http11],
        CertificateChainPolicy = Trust(authorities),
        // A node is known by its certificate's signer; it is reached by address, which may change.
        RemoteCertificateValidationCallback = (_, _, _, errors) => (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == 0,
    };

    private static X509ChainPolicy Trust(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }
}
