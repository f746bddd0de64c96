using System.Security.Cryptography.X509Certificates;
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
/// The part of kubelet's HTTPS API that the API server calls for <c>kubectl logs</c> and <c>exec</c>. Clients show a
/// certificate that one of the configured authorities signed for the group system:masters: whoever may exec here may do
/// anything, so a node's or a user's certificate of the same authority is not enough.
/// </summary>
internal sealed class KubeletServer(NodeAgentOptions options, PodLoop pods, IContainerRuntime runtime, ILoggerFactory logs) : IAsyncDisposable
{
    private const string OrganizationOid = "2.5.4.10";
    private WebApplication? _app;

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
        var endpoints = new KubeletEndpoints(pods, runtime, logs.CreateLogger("kubelet"));
        _app.Run(context => context.Connection.ClientCertificate switch
        {
            null => KubeletEndpoints.TextAsync(context, StatusCodes.Status401Unauthorized, "Unauthorized\n"),
            var certificate when !IsMaster(certificate) => KubeletEndpoints.TextAsync(context, StatusCodes.Status403Forbidden, $"Forbidden (user={certificate.Subject})\n"),
            _ => endpoints.HandleAsync(context),
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
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.ListenAnyIP(options.KubeletPort, listen =>
        {
            // Upgrades to WebSocket are HTTP/1.1's.
            listen.Protocols = HttpProtocols.Http1;
            listen.UseHttps(https =>
            {
                https.ServerCertificate = options.ServingCertificate;
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.ClientCertificateValidation = (certificate, _, _) => IsTrusted(certificate);
            });
        });
    }

    private bool IsTrusted(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(options.ClientAuthorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.2"));
        return chain.Build(certificate);
    }

    /// <summary>A certificate's organizations are its user's groups (Kubernetes documentation: "Authenticating").</summary>
    private static bool IsMaster(X509Certificate2 certificate) => certificate.SubjectName.EnumerateRelativeDistinguishedNames()
        .Any(name => !name.HasMultipleElements && name.GetSingleElementType().Value == OrganizationOid && name.GetSingleElementValue() == "system:masters");
}
