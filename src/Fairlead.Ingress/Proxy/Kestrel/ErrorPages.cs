using System.Globalization;
using Fairlead.Ingress.Routes;
using Microsoft.AspNetCore.Http;
using Endpoint = Fairlead.Ingress.Routes.Endpoint;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>Answers that no pod gave: short ones of our own, and those of a default backend that stands in for a pod's errors (annotation custom-http-errors).</summary>
internal sealed class ErrorPages(Upstreams upstreams, TimeProvider time)
{
    private readonly Balancer _balancer = new(time);

    internal static Task WriteAsync(HttpContext context, int status, string? location = null, string? reason = null)
    {
        var response = context.Response;
        response.StatusCode = status;
        if (location is not null) response.Headers.Location = location;
        if (status is StatusCodes.Status204NoContent) return Task.CompletedTask;
        var text = $"{status} {reason ?? Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status)}\n";
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = text.Length;
        return context.Request.Method == "HEAD" ? Task.CompletedTask : response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>Asks the route's default backend, or the one of all routes, for a page in place of a pod's error; where it does not answer, a short one serves.</summary>
    internal async Task StandInAsync(HttpContext context, Exchange exchange, Route route, int status)
    {
        context.Response.Clear();
        if (route.ErrorPages is not { } fallback || _balancer.Pick(fallback, Annotations.RouteOptions.Default, exchange.Request, []) is not { } endpoint)
        {
            await WriteAsync(context, status);
            return;
        }
        using var question = Question(exchange, route, endpoint, status);
        try
        {
            using var answer = await upstreams.Invoker.SendAsync(question, context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode == StatusCodes.Status200OK ? status : (int)answer.StatusCode;
            context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
            context.Response.ContentLength = answer.Content.Headers.ContentLength;
            await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
        catch (HttpRequestException) when (!context.Response.HasStarted)
        {
            context.Response.Clear();
            await WriteAsync(context, status);
        }
    }

    private static HttpRequestMessage Question(Exchange exchange, Route route, Endpoint endpoint, int status)
    {
        var question = new HttpRequestMessage(HttpMethod.Get, $"http://{endpoint.Authority}/");
        var headers = question.Headers;
        headers.Host = exchange.Request.Authority;
        headers.TryAddWithoutValidation("X-Code", status.ToString(CultureInfo.InvariantCulture));
        headers.TryAddWithoutValidation("X-Format", exchange.Request.Header("Accept") ?? "");
        headers.TryAddWithoutValidation("X-Original-URI", exchange.Request.Target.Raw);
        headers.TryAddWithoutValidation("X-Namespace", route.Ingress.Namespace);
        headers.TryAddWithoutValidation("X-Ingress-Name", route.Ingress.Name);
        headers.TryAddWithoutValidation("X-Service-Name", route.Backend?.Key.Service.Name ?? "");
        headers.TryAddWithoutValidation("X-Service-Port", route.Backend is { } backend ? backend.Key.PortName.Length > 0 ? backend.Key.PortName : backend.Key.PortNumber.ToString(CultureInfo.InvariantCulture) : "");
        headers.TryAddWithoutValidation("X-Request-ID", exchange.Request.Id);
        return question;
    }
}
