using System.Collections.Frozen;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Forwarder;
using Endpoint = Fairlead.Ingress.Routes.Endpoint;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>What changes between client and pod, both ways, for one attempt at one endpoint.</summary>
internal sealed class RouteTransformer(Exchange exchange, Route route, Endpoint endpoint, ForwardedHeaders forwarded, TimeProvider time) : HttpTransformer
{
    private const string Cookie = "Set-Cookie";
    private static readonly FrozenSet<string> Kept = FrozenSet.ToFrozenSet(["close", "keep-alive", "Upgrade", "Host", "Content-Length", "Transfer-Encoding"], StringComparer.OrdinalIgnoreCase);

    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        var options = route.Options;
        // As it came: what a pod takes apart is the client's text, not one that this proxy has put in order.
        proxyRequest.RequestUri = new Uri(destinationPrefix + UpstreamTarget.Of(route, exchange.Request.Target), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        proxyRequest.Options.Set(Upstreams.ConnectTimeout, options.ConnectTimeout);
        DropNamed(httpContext.Request.Headers.Connection, proxyRequest);
        // Kestrel answers this itself when the body is first asked for. A pod that does not know it would be waited for in vain, for a second.
        if ("100-continue".Equals(httpContext.Request.Headers.Expect, StringComparison.OrdinalIgnoreCase)) proxyRequest.Headers.Remove("Expect");
        var sink = new RequestHeaders(proxyRequest);
        forwarded.Write(sink, route, exchange.Request);
        if (route.ClientAuth is { } auth) ClientCertificates.Write(sink, auth, exchange.Verdict);
        foreach (var (name, value) in exchange.Vouched) sink.Set(name, value);
        if (options.BasicAuth is not null) sink.Remove("Authorization");
        proxyRequest.Headers.Host = options.UpstreamHost is { } host ? Policy.Expand(host, exchange.Request) : exchange.Request.Authority;
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is null) return true;
        exchange.UpstreamTook = time.GetElapsedTime(exchange.Start);
        if (route.ErrorPages is not null && route.Options.CustomErrors.Contains((int)proxyResponse.StatusCode))
        {
            exchange.Intercepted = (int)proxyResponse.StatusCode;
            return false;
        }
        await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
        var headers = httpContext.Response.Headers;
        if (AffinityCookie.For(route, exchange.Request, endpoint, time) is { } cookie) headers.Append(Cookie, cookie);
        // nginx adds fields to these answers only, unless it is told otherwise.
        if (route.Options.ExternalAuth is { AlwaysSetsCookie: true } || (int)proxyResponse.StatusCode is 200 or 201 or 204 or 206 or 301 or 302 or 303 or 304 or 307 or 308)
        {
            foreach (var vouched in exchange.VouchedCookies) headers.Append(Cookie, vouched);
        }
        if (route.Options.Cors is { } cors) CorsHeaders.Write(new AnswerHeaders(headers), cors, exchange.Request);
        if (httpContext.Response.ContentLength is null && proxyResponse.StatusCode != System.Net.HttpStatusCode.SwitchingProtocols)
            httpContext.Features.Set<IHttpResponseBodyFeature>(exchange.Body = new CountingBody(httpContext.Features.GetRequiredFeature<IHttpResponseBodyFeature>()));
        return true;
    }

    /// <summary>Fields that Connection names are for this hop only (RFC 9110, section 7.6.1); what frames the message or names its host cannot be dropped by naming it.</summary>
    private static void DropNamed(StringValues connection, HttpRequestMessage proxyRequest)
    {
        foreach (var option in connection.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))
        {
            if (Kept.Contains(option)) continue;
            if (proxyRequest.Headers.NonValidated.Contains(option)) proxyRequest.Headers.Remove(option);
            if (proxyRequest.Content?.Headers.NonValidated.Contains(option) == true) proxyRequest.Content.Headers.Remove(option);
        }
    }

    private readonly struct RequestHeaders(HttpRequestMessage request) : IHeaderSink
    {
        public void Set(string name, string value)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }

        public void Remove(string name) => request.Headers.Remove(name);
    }
}
