using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy.Health;

/// <summary>
/// Answers /healthz and /livez (kube-proxy's port 10256), /metrics and /proxyMode (its port 10249) in plain HTTP, each on
/// every address listened on. Unhealthy is 503.
/// </summary>
public sealed class ProxyHealthServer : IAsyncDisposable
{
    private readonly WebApplication _web;

    private ProxyHealthServer(WebApplication web) => _web = web;

    /// <summary>Listens, in the process's network namespace.</summary>
    /// <exception cref="IOException">An address is in use.</exception>
    public static async Task<ProxyHealthServer> StartAsync(
        ProxyStatus status, IReadOnlyList<IPEndPoint> listen, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Replace(ServiceDescriptor.Singleton(logs));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            foreach (IPEndPoint address in listen)
            {
                kestrel.Listen(address);
            }
        });
        WebApplication web = builder.Build();
        web.Run(context => AnswerAsync(context, status));
        await web.StartAsync(cancellationToken);
        return new ProxyHealthServer(web);
    }

    public async ValueTask DisposeAsync()
    {
        await _web.StopAsync();
        await _web.DisposeAsync();
    }

    private static async Task AnswerAsync(HttpContext context, ProxyStatus status)
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
                response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                await response.WriteAsync(ProxyMetrics.Text(status), context.RequestAborted);
                break;
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }
}
