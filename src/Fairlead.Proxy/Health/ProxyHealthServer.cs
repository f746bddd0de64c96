using System.Net;
using Fairlead.Kube.Health;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy.Health;

/// <summary>
/// Answers /healthz and /livez (kube-proxy's port 10256), /metrics and /proxyMode (its port 10249) in plain HTTP, each on
/// every address listened on. Unhealthy is 503.
/// </summary>
public static class ProxyHealthServer
{
    /// <summary>Listens, in the process's network namespace.</summary>
    /// <param name="more">What other parts of the process add to /metrics, in Prometheus' text format; null: nothing.</param>
    /// <exception cref="IOException">An address is in use.</exception>
    public static Task<StatusServer> StartAsync(
        ProxyStatus status, IReadOnlyList<IPEndPoint> listen, ILoggerFactory logs, CancellationToken cancellationToken, Func<string>? more = null) =>
        StatusServer.StartAsync(listen, context => AnswerAsync(context, status, more), logs, cancel: cancellationToken);

    private static async Task AnswerAsync(HttpContext context, ProxyStatus status, Func<string>? more)
    {
        HttpResponse response = context.Response;
        switch (context.Request.Path.Value)
        {
            case "/healthz" or "/livez":
                response.StatusCode = status.IsHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                response.ContentType = "application/json";
                response.Headers["X-Content-Type-Options"] = "nosniff";
                await response.BodyWriter.WriteAsync(status.HealthJson(), context.RequestAborted);
                break;
            case "/proxyMode":
                response.ContentType = "text/plain; charset=utf-8";
                await response.WriteAsync("nftables", context.RequestAborted);
                break;
            case "/metrics":
                response.ContentType = PrometheusText.MediaType;
                await response.WriteAsync(ProxyMetrics.Text(status) + more?.Invoke(), context.RequestAborted);
                break;
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }
}
