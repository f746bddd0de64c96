using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>A pod that answers with its name and remembers what it was asked.</summary>
internal sealed class Pod : IAsyncDisposable
{
    public const int Port = 8080;
    private readonly WebApplication _web;

    private Pod(string name, IPAddress address, WebApplication web) => (Name, Address, _web) = (name, address, web);

    public string Name { get; }

    public IPAddress Address { get; }

    /// <summary>Raw target and header fields of each request.</summary>
    public ConcurrentQueue<(string Method, string Target, Dictionary<string, string> Fields)> Seen { get; } = new();

    /// <param name="answer">In place of the name.</param>
    /// <param name="secret">Its certificate and key: it speaks TLS.</param>
    public static async Task<Pod> StartAsync(string name, RequestDelegate? answer = null, bool http2 = false, X509Certificate2? secret = null)
    {
        var address = Loopback.Next();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.RequestHeaderEncodingSelector = _ => System.Text.Encoding.Latin1;
            kestrel.Listen(address, Port, listen =>
            {
                listen.Protocols = http2 ? HttpProtocols.Http2 : HttpProtocols.Http1;
                if (secret is not null) listen.UseHttps(secret);
            });
        });
        var web = builder.Build();
        var pod = new Pod(name, address, web);
        web.Run(async context =>
        {
            pod.Seen.Enqueue((context.Request.Method, context.Features.Get<IHttpRequestFeature>()!.RawTarget, context.Request.Headers.ToDictionary(pair => pair.Key, pair => pair.Value.ToString(), StringComparer.OrdinalIgnoreCase)));
            if (answer is null) await context.Response.WriteAsync(name);
            else await answer(context);
        });
        await web.StartAsync();
        return pod;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _web.StopAsync(now.Token);
        await _web.DisposeAsync();
    }
}
