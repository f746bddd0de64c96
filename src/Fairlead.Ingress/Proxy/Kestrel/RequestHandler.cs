using Fairlead.Ingress.Metrics;
using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Tls;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>One request from its arrival to its line in the log.</summary>
internal sealed class RequestHandler(
    SnapshotHolder holder, Forwarding forwarding, ErrorPages pages, ExternalAuth vouchers, RateLimiter limiter, AccessLog? access, int httpsPort, ILogger log, TimeProvider time)
{
    internal async Task HandleAsync(HttpContext context)
    {
        var body = context.Request.Body;
        await AnswerAsync(context);
        await Lingering.DrainAsync(context, body, time);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        if (KestrelRequest.Of(context, out var status) is not { } request)
        {
            context.Response.Headers.Connection = "close";
            await ErrorPages.WriteAsync(context, status);
            return;
        }
        var exchange = new Exchange(request, time.GetTimestamp());
        try
        {
            await RouteAsync(context, exchange);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
        {
            // The client went away; nginx logs 499.
        }
        catch (BadHttpRequestException)
        {
            // Kestrel knows what is wrong with it, and answers.
            throw;
        }
#pragma warning disable CA1031 // The one ladder of a request: it fails, the process lives.
        catch (Exception e)
        {
            ProxyLog.RequestFailed(log, e, request.Id);
            if (context.Response.HasStarted) context.Abort();
            else await ErrorPages.WriteAsync(context, StatusCodes.Status500InternalServerError);
        }
#pragma warning restore CA1031
        finally
        {
            Record(context, exchange);
        }
    }

    private async Task RouteAsync(HttpContext context, Exchange exchange)
    {
        var request = exchange.Request;
        if (holder.Current.Routes.Find(request.Host, request.Target.Path) is not { } found)
        {
            await ErrorPages.WriteAsync(context, StatusCodes.Status404NotFound);
            return;
        }
        var route = exchange.Route = CanaryChoice.Choose(found, request, Random.Shared.Next);
        var verdict = exchange.Verdict = context.Features.Get<ClientVerdict>();
        if (ClientCertificates.Decide(route, verdict, request, httpsPort) is { IsFinal: true } refusal)
        {
            await ErrorPages.WriteAsync(context, refusal.Status, refusal.Location, refusal.Reason);
            return;
        }
        if (Policy.Decide(route, request, httpsPort) is { IsFinal: true } decision)
        {
            if (decision.Location is null) await RefuseAsync(context, exchange, route, decision.Status);
            else await ErrorPages.WriteAsync(context, decision.Status, decision.Location);
            return;
        }
        if (!limiter.TryEnter(route, request.Client))
        {
            await RefuseAsync(context, exchange, route, StatusCodes.Status503ServiceUnavailable);
            return;
        }
        try
        {
            if (CorsHeaders.IsPreflight(route.Options.Cors, request)) await PreflightAsync(context, route, request);
            else if (await IsAdmittedAsync(context, exchange, route)) await ForwardAsync(context, exchange, route);
        }
        finally
        {
            limiter.Leave(route, request.Client);
        }
    }

    private static Task PreflightAsync(HttpContext context, Route route, IRequest request)
    {
        CorsHeaders.Write(new AnswerHeaders(context.Response.Headers), route.Options.Cors!, request);
        return ErrorPages.WriteAsync(context, StatusCodes.Status204NoContent);
    }

    private async Task<bool> IsAdmittedAsync(HttpContext context, Exchange exchange, Route route)
    {
        var options = route.Options;
        if (options.BasicAuth is { } basic)
        {
            if (BasicAuth.User(basic, exchange.Request.Header("Authorization")) is not { } user)
            {
                context.Response.Headers.WWWAuthenticate = BasicAuth.Challenge(basic);
                await ErrorPages.WriteAsync(context, StatusCodes.Status401Unauthorized);
                return false;
            }
            exchange.User = user;
        }
        if (options.ExternalAuth is not { } external) return true;
        var verdict = await vouchers.AskAsync(route, external, exchange.Request, context.RequestAborted);
        (exchange.Vouched, exchange.VouchedCookies) = (verdict.Headers, verdict.Cookies);
        if (verdict.Status == 0) return true;
        foreach (var (name, value) in verdict.Headers) context.Response.Headers[name] = value;
        await ErrorPages.WriteAsync(context, verdict.Status, verdict.Location);
        return false;
    }

    private async Task ForwardAsync(HttpContext context, Exchange exchange, Route route)
    {
        if (route.Options.BodySize is > 0 and var most && exchange.Request.ContentLength is null) context.Request.Body = new LimitedBody(context.Request.Body, most);
        if (!await forwarding.TryForwardAsync(context, exchange, route)) await RefuseAsync(context, exchange, route, StatusCodes.Status503ServiceUnavailable);
        else if (exchange.Intercepted != 0) await pages.StandInAsync(context, exchange, route, exchange.Intercepted);
        else if (!context.Response.HasStarted && context.Response.StatusCode >= StatusCodes.Status400BadRequest && context.Response.Headers.Count == 0)
            await RefuseAsync(context, exchange, route, context.Response.StatusCode);
    }

    /// <summary>An error that no pod gave: by the route's own page, where it has one for it.</summary>
    private Task RefuseAsync(HttpContext context, Exchange exchange, Route route, int status) =>
        route.Options.CustomErrors.Contains(status) ? pages.StandInAsync(context, exchange, route, status) : ErrorPages.WriteAsync(context, status);

    private void Record(HttpContext context, Exchange exchange)
    {
        var took = time.GetElapsedTime(exchange.Start);
        var request = exchange.Request;
        var status = context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted ? StatusCodes.Status499ClientClosedRequest : context.Response.StatusCode;
        var bytes = exchange.Body?.Written ?? context.Response.ContentLength ?? 0;
        exchange.Route?.Metrics.Observe(request.Method, status, took.TotalSeconds, bytes);
        if (access is null) return;
        var headers = context.Request.Headers;
        access.Write(new AccessEntry(
            time.GetUtcNow(), request.Client.ToString(), exchange.User, request.Method, request.Target.Raw, context.Request.Protocol, status, bytes, request.ContentLength ?? 0,
            headers.Referer.ToString(), headers.UserAgent.ToString(), took, request.Host, exchange.Route?.Backend?.Name, exchange.Endpoint?.Authority, exchange.UpstreamTook, request.Id,
            exchange.Route?.Ingress.Namespace ?? "", exchange.Route?.Ingress.Name ?? "", exchange.Route?.Backend?.Key.Service.Name ?? ""));
    }
}
