using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Fairlead.Kube.Health;

/// <summary>A small server in plain HTTP, for what a part says of itself: health, readiness, metrics.</summary>
public sealed class StatusServer : IAsyncDisposable
{
    private readonly WebApplication _web;

    private StatusServer(WebApplication web) => _web = web;

    /// <summary>Listens on every address, and answers with <paramref name="answer"/>.</summary>
    /// <param name="listenSocket">Makes a bound socket; null: in the network namespace of the process.</param>
    /// <exception cref="IOException">An address is in use.</exception>
    public static async Task<StatusServer> StartAsync(
        IReadOnlyList<IPEndPoint> listen, RequestDelegate answer, ILoggerFactory logs, Func<IPEndPoint, Socket>? listenSocket = null, CancellationToken cancel = default)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Replace(ServiceDescriptor.Singleton(logs));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            foreach (var address in listen) kestrel.Listen(address);
        });
        if (listenSocket is not null) builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = point => listenSocket((IPEndPoint)point));
        var web = builder.Build();
        web.Run(answer);
        try
        {
            await web.StartAsync(cancel);
            return new StatusServer(web);
        }
        catch
        {
            await web.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _web.StopAsync();
        await _web.DisposeAsync();
    }
}
