using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Health;

/// <summary>
/// Answers /health (CoreDNS' port 8080), /ready (its port 8181, 503 until it is) and /metrics (its port 9153) in plain HTTP, each
/// on every address listened at.
/// </summary>
public sealed class DnsHealthServer : IAsyncDisposable
{
    private readonly WebApplication _web;

    private DnsHealthServer(WebApplication web) => _web = web;

    /// <summary>Listens.</summary>
    /// <exception cref="IOException">An address is in use.</exception>
    public static async Task<DnsHealthServer> StartAsync(
        DnsStatus status, IReadOnlyList<IPEndPoint> listen, ILoggerFactory logs, CancellationToken cancellationToken)
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
        return new DnsHealthServer(web);
    }

    public async ValueTask DisposeAsync()
    {
        await _web.StopAsync();
        await _web.DisposeAsync();
    }

    private static Task AnswerAsync(HttpContext context, DnsStatus status)
    {
        HttpResponse response = context.Response;
        response.ContentType = "text/plain; charset=utf-8";
        switch (context.Request.Path.Value)
        {
            case "/health":
                return response.WriteAsync("OK", context.RequestAborted);
            case "/ready":
                response.StatusCode = status.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                return response.WriteAsync(status.IsReady ? "OK" : "kubernetes", context.RequestAborted);
            case "/metrics":
                response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                return response.WriteAsync(status.Metrics(), context.RequestAborted);
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
    }
}
