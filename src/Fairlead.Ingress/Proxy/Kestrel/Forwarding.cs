using System.Net;
using System.Net.Sockets;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;
using Endpoint = Fairlead.Ingress.Routes.Endpoint;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>Brings a request to one of its backend's endpoints, and to another where the first cannot be reached.</summary>
internal sealed class Forwarding(IHttpForwarder forwarder, Upstreams upstreams, ForwardedHeaders forwarded, ILogger log, TimeProvider time)
{
    // Each endpoint once: when many pods end at the same moment, the slices tell of it a moment later.
    private const int MostAttempts = 16;
    private static readonly HashSet<string> Idempotent = new(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"], StringComparer.Ordinal);
    private readonly Balancer _balancer = new(time);

    /// <summary>False: there is no endpoint (503), and nothing was answered.</summary>
    internal async Task<bool> TryForwardAsync(HttpContext context, Exchange exchange, Route route)
    {
        var backend = route.Backend is { State.Endpoints.Length: > 0 } own ? own : route.Fallback ?? route.Backend;
        if (backend is null) return false;
        var tried = new List<Endpoint>();
        var attempt = Attempt.Settled;
        while (tried.Count < MostAttempts && _balancer.Pick(backend, route.Options, exchange.Request, tried) is { } endpoint)
        {
            if (tried.Count > 0) Reset(context);
            tried.Add(endpoint);
            attempt = await AttemptAsync(context, exchange, route, endpoint);
            if (attempt == Attempt.Settled) return true;
        }
        if (attempt == Attempt.Broken && tried is [var only])
        {
            // There is no other to ask, and what broke may have been a connection kept from before.
            Reset(context);
            await AttemptAsync(context, exchange, route, only);
        }
        return tried.Count > 0;
    }

    private async Task<Attempt> AttemptAsync(HttpContext context, Exchange exchange, Route route, Endpoint endpoint)
    {
        exchange.Endpoint = endpoint;
        endpoint.Begin();
        var start = time.GetTimestamp();
        try
        {
            var transformer = new RouteTransformer(exchange, route, endpoint, forwarded, time);
            var error = await forwarder.SendAsync(context, Prefix(route.Options.Protocol, endpoint), upstreams.Invoker, Config(route.Options, HasBody(context)), transformer, context.RequestAborted);
            if (error == ForwarderError.None)
            {
                endpoint.Succeeded();
                endpoint.Observe(exchange.UpstreamTook, time);
                return Attempt.Settled;
            }
            return Failed(context, exchange, route, endpoint, error);
        }
        finally
        {
            exchange.UpstreamTook = time.GetElapsedTime(start);
            endpoint.End();
        }
    }

    private Attempt Failed(HttpContext context, Exchange exchange, Route route, Endpoint endpoint, ForwarderError error)
    {
        if (context.RequestAborted.IsCancellationRequested || error is ForwarderError.RequestBodyClient or ForwarderError.RequestCanceled) return Attempt.Settled;
        var cause = context.Features.Get<IForwarderErrorFeature>()?.Exception;
        var failure = cause as HttpRequestException;
        var wasUnreachable = failure?.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError;
        route.Metrics.UpstreamFailed();
        if (wasUnreachable) endpoint.Failed(time);
        ProxyLog.UpstreamFailed(log, exchange.Request.Id, endpoint.Authority, route.Ingress.ToString(), error, cause?.Message ?? "");
        if (context.Response.HasStarted || exchange.Intercepted != 0) return Attempt.Settled;
        // What the client hears where this was the last endpoint: nginx tells silence from refusal.
        if (wasUnreachable && failure!.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut }) context.Response.StatusCode = StatusCodes.Status504GatewayTimeout;
        if (wasUnreachable) return Attempt.Unreachable;
        // The pod may have seen it: only what may be said twice is, and only where there is no body, which is gone.
        return error == ForwarderError.Request && !HasBody(context) && Idempotent.Contains(context.Request.Method) ? Attempt.Broken : Attempt.Settled;
    }

    /// <summary>What became of one try at an endpoint.</summary>
    private enum Attempt
    {
        /// <summary>The client has its answer, or will hear of the failure.</summary>
        Settled,

        /// <summary>Nobody there took the connection: another endpoint may be asked.</summary>
        Unreachable,

        /// <summary>The connection ended without an answer to a request that may be said twice.</summary>
        Broken,
    }

    private static void Reset(HttpContext context)
    {
        context.Response.Clear();
        context.Features.Set<IForwarderErrorFeature>(null);
    }

    private static string Prefix(BackendProtocol protocol, Endpoint endpoint) =>
        (protocol is BackendProtocol.Https or BackendProtocol.Grpcs ? "https://" : "http://") + endpoint.Authority;

    private static bool HasBody(HttpContext context) => context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true;

    private static ForwarderRequestConfig Config(RouteOptions options, bool hasBody) => new()
    {
        // Between two signs of life of the pod, as nginx counts; of the pod or the client, while the client is still sending.
        ActivityTimeout = hasBody && options.SendTimeout > options.ReadTimeout ? options.SendTimeout : options.ReadTimeout,
        Version = options.Protocol is BackendProtocol.Grpc or BackendProtocol.Grpcs ? HttpVersion.Version20 : HttpVersion.Version11,
        VersionPolicy = options.Protocol is BackendProtocol.Grpc or BackendProtocol.Grpcs ? HttpVersionPolicy.RequestVersionExact : HttpVersionPolicy.RequestVersionOrLower,
        AllowResponseBuffering = false,
    };
}

internal static partial class ProxyLog
{
    [LoggerMessage(9101, LogLevel.Debug, "request {Id}: {Endpoint} of {Ingress} failed: {Error} {Cause}")]
    public static partial void UpstreamFailed(ILogger log, string id, string endpoint, string ingress, ForwarderError error, string cause);

    [LoggerMessage(9102, LogLevel.Error, "request {Id} failed")]
    public static partial void RequestFailed(ILogger log, Exception e, string id);
}
