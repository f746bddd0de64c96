using System.Net;
using System.Text;
using Fairlead.Ingress.Proxy.Lean;
using Fairlead.Ingress.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>The lean path, which listens, and behind it Kestrel with the limits of a server that faces strangers, for what the lean path declines.</summary>
internal sealed class IngressServer : IAsyncDisposable
{
    /// <summary>Kestrel ends a stream or connection of HTTP/2 without a word where it goes beyond Kestrel's limits; so that a client hears of ours, those are wider.</summary>
    private const int Wider = 4;
    private const int MostHeaders = 100;
    private static readonly TimeSpan IdlePatience = TimeSpan.FromSeconds(75);
    private readonly WebApplication _web;
    private readonly LeanServer _lean;
    private readonly Handover _handover;

    private IngressServer(WebApplication web, LeanServer lean, Handover handover) => (_web, _lean, _handover) = (web, lean, handover);

    internal IReadOnlyList<IPEndPoint> Addresses => _lean.Addresses;

    /// <summary>Listens. The handler is made with the forwarder that the server's services hold.</summary>
    /// <exception cref="IOException">An address cannot be listened at.</exception>
    internal static async Task<IngressServer> StartAsync(
        IngressOptions options, LeanRules rules, Func<IHttpForwarder, RequestDelegate> handler, StatusAnswers status, ILoggerFactory logs, CancellationToken cancel)
    {
        // RFC 9112, section 2.2, lets a server take a bare line feed for a line's end: not every pod does.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Replace(ServiceDescriptor.Singleton<ILoggerFactory>(new QuietLogs(logs)));
        builder.Services.AddHttpForwarder();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.ShutdownGrace);
        var handover = new Handover();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, options));
        builder.Services.AddSingleton<IConnectionListenerFactory>(handover);
        var web = builder.Build();
        var serve = handler(web.Services.GetRequiredService<IHttpForwarder>());
        web.Run(context => context.Features.Get<StatusListener>() is null ? serve(context) : status.AnswerAsync(context));
        await web.StartAsync(cancel);
        try
        {
            return new IngressServer(web, new LeanServer(options, rules, handover), handover);
        }
        catch
        {
            await web.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops listening, and waits for the requests under way as long as the options say.</summary>
    public async ValueTask DisposeAsync()
    {
        _lean.StopListening();
        await Task.WhenAll(_web.StopAsync(), _lean.DisposeAsync().AsTask());
        await _web.DisposeAsync();
        _handover.Dispose();
    }

    private static void Configure(KestrelServerOptions kestrel, IngressOptions options)
    {
        kestrel.AddServerHeader = false;
        // Bytes beyond ASCII pass as they are.
        kestrel.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
        kestrel.ResponseHeaderEncodingSelector = _ => Encoding.Latin1;
        var limits = kestrel.Limits;
        limits.MaxRequestLineSize = Wider * KestrelRequest.LongestTarget;
        limits.MaxRequestHeadersTotalSize = Wider * KestrelRequest.LongestFields;
        limits.Http2.MaxRequestHeaderFieldSize = Wider * KestrelRequest.LongestFields;
        limits.MaxRequestHeaderCount = MostHeaders;
        limits.RequestHeadersTimeout = options.HeaderTimeout;
        limits.KeepAliveTimeout = IdlePatience;
        // Each route has its own; and a slow body is measured by its pauses, as nginx does, since streams pause by nature.
        limits.MaxRequestBodySize = null;
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;
        foreach (var point in Handover.EndPoints) kestrel.Listen(point, listen => listen.Protocols = point.Protocols);
        foreach (var address in options.Status)
        {
            kestrel.Listen(address, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use((connection, next) =>
                {
                    connection.Features.Set(StatusListener.Instance);
                    return next(connection);
                });
            });
        }
    }

    /// <summary>Kestrel and the forwarder tell of each bad client and each failed pod; the access log and the metrics do that.</summary>
    private sealed class QuietLogs(ILoggerFactory logs) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => new QuietLog(logs.CreateLogger(categoryName));

        public void AddProvider(ILoggerProvider provider) => logs.AddProvider(provider);

        public void Dispose()
        {
            // The logs are the caller's.
        }
    }

    private sealed class QuietLog(ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error && inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) inner.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}
