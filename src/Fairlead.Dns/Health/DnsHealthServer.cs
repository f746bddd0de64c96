using System.Net;
using Fairlead.Kube.Health;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Health;

/// <summary>
/// Answers /health (CoreDNS' port 8080), /ready (its port 8181, 503 until it is) and /metrics (its port 9153) in plain HTTP, each
/// on every address listened at.
/// </summary>
public static class DnsHealthServer
{
    /// <summary>Listens.</summary>
    /// <exception cref="IOException">An address is in use.</exception>
    public static Task<StatusServer> StartAsync(
        DnsStatus status, IReadOnlyList<IPEndPoint> listen, ILoggerFactory logs, CancellationToken cancellationToken) =>
        StatusServer.StartAsync(listen, context => AnswerAsync(context, status), logs, cancel: cancellationToken);

    private static Task AnswerAsync(HttpContext context, DnsStatus status)
    {
        HttpResponse response = context.Response;
        response.ContentType = "text/plain; charset=utf-8";
        switch (context.Request.Path.Value)
        {
            case "/health":
                return response.WriteAsync("OK", context.RequestAborted);
            case "/ready":
                string? reason = status.NotReady;
                response.StatusCode = reason is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                return response.WriteAsync(reason ?? "OK", context.RequestAborted);
            case "/metrics":
                response.ContentType = PrometheusText.MediaType;
                return response.WriteAsync(DnsMetrics.Write(status), context.RequestAborted);
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
    }
}
