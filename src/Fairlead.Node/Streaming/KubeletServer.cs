using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;
using Fairlead.Node.Api;
using Fairlead.Node.Metrics;
using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Streaming;

/// <summary>
/// The part of kubelet's HTTPS API that the API server calls for <c>kubectl logs</c>, <c>exec</c> and <c>top</c>, and scrapers for metrics.
/// Clients show a certificate that one of the configured authorities signed, or a token of the API server's; <see cref="KubeletAccess"/> says
/// who may have what.
/// </summary>
/// <param name="reviews">Null: the API server alone is let in.</param>
internal sealed class KubeletServer(NodeAgentOptions options, PodLoop pods, IContainerRuntime runtime, IAccessReviews? reviews, ILoggerFactory logs) : IAsyncDisposable
{
    /// <summary>Bytes, as Go's net/http allows them: the words of an exec are in the request's first line.</summary>
    private const int LongestHead = 1024 * 1024;

    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private WebApplication? _app;
    private KubeletEndpoints? _endpoints;

    /// <summary>Where it listens; set by <see cref="StartAsync"/>.</summary>
    public int Port { get; private set; }

    /// <exception cref="IOException">The port is in use.</exception>
    public async Task StartAsync(CancellationToken cancel)
    {
        if (options.ServingCertificate is null) return;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        _app = builder.Build();
        _app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = StreamUpgrade.KeepAlive });
        var endpoints = _endpoints = new KubeletEndpoints(
            pods, runtime, new NodePaths(options).LogRoot, new MetricsEndpoint(options, pods, runtime, TimeProvider.System), logs.CreateLogger("kubelet"));
        var access = new KubeletAccess(reviews, options.NodeName, logs.CreateLogger("kubelet"));
        _app.Run(async context =>
        {
            if (await access.CheckAsync(context) is var (code, text)) await KubeletEndpoints.TextAsync(context, code, text);
            else await endpoints.HandleAsync(context);
        });
        await _app.StartAsync(cancel);
        var address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Port = new Uri(address.Replace("[::]", "localhost", StringComparison.Ordinal)).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is null) return;
        // Streams that are open do not hold up the end.
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _endpoints?.Dispose();
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestLineSize = LongestHead;
        kestrel.Limits.MaxRequestHeadersTotalSize = LongestHead;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        var clients = MachineTrust.ChainPolicy(options.ClientAuthorities);
        clients.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        kestrel.ListenAnyIP(options.KubeletPort, listen =>
        {
            // Upgrades to WebSocket are HTTP/1.1's.
            listen.Protocols = HttpProtocols.Http1;
            listen.UseHttps(https =>
            {
                https.ServerCertificateSelector = (_, _) => options.ServingCertificate?.Current;
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.OnAuthenticate = (_, settings) => settings.CertificateChainPolicy = clients;
                https.ClientCertificateValidation = (_, _, errors) => errors == SslPolicyErrors.None;
            });
        });
    }
}
