using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Fairlead.ApiServer.Resources;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.ApiServer.HTTP.Proxying;

/// <summary>
/// The proxy subresources of pods, services and nodes: carries any request to the target and its answer back, streaming
/// (Kubernetes documentation: "Accessing Clusters", section "Manually constructing apiserver proxy URLs").
/// </summary>
internal sealed class ResourceProxy : IDisposable
{
    private const int LargestPage = 16 * 1024 * 1024;
    private static readonly HttpRequestOptionsKey<ProxyTarget> TargetKey = new("target");
    private static readonly HashSet<string> Dropped = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Authorization", "Content-Length",
        // The page's links are rewritten as text.
        "Accept-Encoding",
    };

    private readonly ProxyTargets _targets;
    private readonly NodeTunnel _tunnel;
    private readonly HttpMessageInvoker _http;

    public ResourceProxy(Registry registry, NodeTunnel tunnel)
    {
        _targets = new ProxyTargets(registry);
        _tunnel = tunnel;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            // An address may be another pod's a moment later.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5),
            ConnectCallback = (context, cancel) => new ValueTask<Stream>(DialAsync(context.InitialRequestMessage, cancel)),
        });
    }

    public static bool Serves(ApiRequest request) => request.Subresource == "proxy" && request.Kind?.Plural is "pods" or "services" or "nodes";

    public void Dispose() => _http.Dispose();

    public async Task HandleAsync(HttpContext context, ApiRequest request)
    {
        var target = _targets.Find(request);
        var (prefix, rest) = SplitPath(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        var query = context.Request.QueryString.Value ?? "";
        if (rest.Length == 0 && (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)))
        {
            // Relative links of the page need the slash.
            context.Response.StatusCode = StatusCodes.Status301MovedPermanently;
            context.Response.Headers.Location = prefix + "/" + query;
            return;
        }
        var path = (rest.Length == 0 ? "/" : rest) + query;
        if (target.IsNode && IsUpgrade(context)) await _tunnel.UpgradeAsync(context, target.Node!, path);
        else if (IsUpgrade(context)) await NodeTunnel.UpgradeAsync(context, await DialAsync(target, context.RequestAborted), Authority(target), path, everyHeader: true);
        else await CarryAsync(context, target, prefix, path);
    }

    /// <summary>The path up to <c>/proxy</c>, and what follows; both as the client wrote them.</summary>
    internal static (string Prefix, string Tail) SplitPath(string rawTarget)
    {
        var path = rawTarget.Split('?', 2)[0];
        // /api/v1/namespaces/N/pods/P/proxy has seven steps, /api/v1/nodes/N/proxy five.
        var steps = path.StartsWith("/api/v1/namespaces/", StringComparison.Ordinal) ? 7 : 5;
        var end = 0;
        for (var i = 0; i < steps && end >= 0; i++) end = path.IndexOf('/', end + 1);
        return end < 0 ? (path, "") : (path[..end], path[end..]);
    }

    private static bool IsUpgrade(HttpContext context) => context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true };

    private static string Authority(ProxyTarget target) => target.Address.ToString();

    private async Task CarryAsync(HttpContext context, ProxyTarget target, string prefix, string path)
    {
        using var message = Message(context, target, path);
        HttpResponseMessage answer;
        try
        {
            answer = target.IsNode
                ? await _tunnel.SendAsync(message, target.Node!, context.RequestAborted)
                : await _http.SendAsync(message, context.RequestAborted);
        }
        catch (HttpRequestException e)
        {
            throw e.InnerException as ApiError ?? ApiError.Unavailable($"error trying to reach service: {e.InnerException?.Message ?? e.Message}");
        }
        using (answer)
        {
            await AnswerAsync(context, answer, new HtmlLinks(prefix, Authority(target)));
        }
    }

    private static HttpRequestMessage Message(HttpContext context, ProxyTarget target, string path)
    {
        // Through the handler all is plain: TLS, where it is wanted, is part of dialing.
        var scheme = target.IsNode ? "https" : "http";
        var message = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri($"{scheme}://{(target.IsNode ? target.Node!.Authority : Authority(target))}{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        message.Options.Set(TargetKey, target);
        var hasBody = context.Request.ContentLength > 0 || context.Request.Headers.TransferEncoding.Count > 0;
        if (hasBody) message.Content = new StreamContent(context.Request.Body);
        if (context.Request.ContentLength is { } length && hasBody) message.Content!.Headers.ContentLength = length;
        foreach (var (name, values) in context.Request.Headers)
        {
            if (Dropped.Contains(name)) continue;
            if (!message.Headers.TryAddWithoutValidation(name, values.AsEnumerable())) message.Content?.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
        }
        if (context.Connection.RemoteIpAddress is { } client) message.Headers.TryAddWithoutValidation("X-Forwarded-For", client.ToString());
        message.Headers.TryAddWithoutValidation("X-Forwarded-Uri", context.Request.Path.Value);
        message.Headers.TryAddWithoutValidation("X-Forwarded-Host", context.Request.Host.Value);
        message.Headers.TryAddWithoutValidation("X-Forwarded-Proto", context.Request.Scheme);
        return message;
    }

    private static async Task AnswerAsync(HttpContext context, HttpResponseMessage answer, HtmlLinks links)
    {
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (name is "Connection" or "Transfer-Encoding" or "Keep-Alive" or "Content-Length") continue;
            context.Response.Headers[name] = name == "Location" ? values.Select(links.Rewrite).ToArray() : values.ToArray();
        }
        if (HttpMethods.IsHead(context.Request.Method)) return;
        if (answer.Content.Headers.ContentType?.MediaType == "text/html" && answer.Content.Headers.ContentEncoding.Count == 0 && answer.Content.Headers.ContentLength is null or < LargestPage)
        {
            var page = Encoding.UTF8.GetBytes(links.RewritePage(await answer.Content.ReadAsStringAsync(context.RequestAborted)));
            context.Response.ContentLength = page.Length;
            await context.Response.Body.WriteAsync(page, context.RequestAborted);
            return;
        }
        context.Response.ContentLength = answer.Content.Headers.ContentLength;
        await using var body = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        await NodeTunnel.CopyAsync(body, context.Response.Body, context.RequestAborted);
    }

    private Task<Stream> DialAsync(HttpRequestMessage message, CancellationToken cancel) =>
        message.Options.TryGetValue(TargetKey, out var target) ? DialAsync(target, cancel) : throw new InvalidOperationException("a proxied request has its target");

    private async Task<Stream> DialAsync(ProxyTarget target, CancellationToken cancel)
    {
        var stream = target.Node is { } node ? await _tunnel.DialAsync(node, target.Address, cancel) : await DirectAsync(target.Address, cancel);
        if (target.Scheme != "https") return stream;
        // Whatever certificate the pod shows, as in Kubernetes: the proxy is a way for debugging, and pods sign for themselves.
#pragma warning disable CA5359
        var secure = new SslStream(stream, leaveInnerStreamOpen: false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = target.Address.Address.ToString() }, cancel);
        return secure;
    }

    private static async Task<Stream> DirectAsync(IPEndPoint address, CancellationToken cancel)
    {
        if (IPAddress.IsLoopback(address.Address) || address.Address.GetAddressBytes() is [169, 254, ..]) throw ApiError.BadRequest("address not allowed");
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw ApiError.Unavailable($"error trying to reach service: dial tcp {address}: {e.Message}");
        }
    }
}
