using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.HTTP.Limits;
using Fairlead.ApiServer.HTTP.Proxying;
using Fairlead.ApiServer.HTTP.Tunnels;
using Fairlead.ApiServer.Metrics;
using Fairlead.ApiServer.Metrics.Usage;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Admission;
using Fairlead.ApiServer.Resources.Strategies;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Audit;
using Fairlead.ApiServer.Security.Rbac;
using Fairlead.ApiServer.Security.Tokens;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Storage.Encryption;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer;

/// <summary>A Kubernetes API server: store, cache and HTTPS front, wired by hand.</summary>
public sealed class ApiServerHost : IAsyncDisposable
{
    /// <summary>Bytes, as Go's net/http allows them: the words of an exec are in the request's first line.</summary>
    private const int LongestHead = 1024 * 1024;

    private readonly WebApplication _web;
    private readonly IStore _store;
    private readonly NodeTunnel _tunnel;
    private readonly CancellationTokenSource _stop = new();
    private Task _keeper = Task.CompletedTask;
    private readonly ResourceProxy _proxy;
    private readonly HealthChecks _health;
    private readonly AuditLog? _audit;

    private ApiServerHost(WebApplication web, IStore store, NodeTunnel tunnel, ResourceProxy proxy, HealthChecks health, AuditLog? audit)
    {
        _web = web;
        _store = store;
        _tunnel = tunnel;
        _proxy = proxy;
        _health = health;
        _audit = audit;
    }

    /// <summary>Loads the store, makes the default objects and listens. When it answers, the server is ready.</summary>
    /// <exception cref="ApiServerOptionsException">Options that cannot work; nothing was opened.</exception>
    /// <exception cref="StoreException">The store cannot be opened.</exception>
    /// <exception cref="IOException">An address to listen on is in use.</exception>
    public static async Task<ApiServerHost> StartAsync(
        ApiServerOptions options, IStore store, ILoggerFactory logs, TimeProvider time, CancellationToken cancel)
    {
        if (options.Validate().ToList() is { Count: > 0 } errors) throw new ApiServerOptionsException(string.Join("; ", errors));
        // Before the store is opened: what is wrong with it leaves nothing behind.
        var audit = options.Audit is { } written ? AuditLog.Open(written, logs.CreateLogger("apiserver"), time) : null;
        var encryption = options.EncryptionProviderConfig is { } file ? EncryptionConfiguration.Read(file) : EncryptionPlan.Nothing;
        var allocator = new ServiceAllocator(options.Addresses, options.FirstNodePort, options.LastNodePort);
        var kinds = new KindTable(allocator);
        var cache = new ObjectCache(kinds.All);
        var encrypted = new EncryptedStore(store, encryption.ByPrefix(kinds.All));
        var watched = new StoreHealth(encrypted);
        await watched.OpenAsync(cache, cancel);
        Follow(cache, kinds, allocator);
        var admission = new AdmissionChain(cache, kinds, options.DisabledAdmission);
        var registry = new Registry(cache, watched, kinds, admission, time) { IsStoredOtherwise = encrypted.IsStale };
        var presence = watched.IsShared ? new ServerPresence(registry, options.AdvertiseAddress, logs.CreateLogger("apiserver"), time) : null;
        var defaults = new DefaultObjects(registry, options, presence);
        await defaults.EnsureAsync(cancel);
        var tunnels = new AgentTunnels(logs.CreateLogger("apiserver"), time);
        var tunnel = new NodeTunnel(new NodeConnections(options.KubeletClientCertificate, options.ClientAuthorities, tunnels));
        var proxy = new ResourceProxy(registry, tunnel);
        var tokens = new ServiceAccountTokens(options.ServiceAccountKey, options.ServiceAccountIssuer, cache, kinds, time);
        var authentication = new Authentication(options.Tokens, tokens, new BootstrapTokens(cache, kinds, time), time);
        var authorization = new Authorization(new NodeAuthorization(cache, kinds), new RbacAuthorizer(cache, kinds));
        var limits = new RequestLimits(options.MaxRequestsInFlight, options.MaxMutatingRequestsInFlight, options.RequestTimeout, time);
        var health = new HealthChecks(watched);
        var metrics = new ServerMetrics(kinds, cache, watched, limits, audit);
        var handler = new ApiHandler(
            authentication, authorization, tokens, kinds, cache, new ResourceHandler(registry, authorization, new RbacEscalation(authorization), new CertificateGuard(authorization), metrics.WatchTerminations, logs.CreateLogger("apiserver"), time),
            new Reviews(authentication, authorization), new TokenRequests(registry, tokens), new NodeStreams(registry, tunnel), proxy, tunnels,
            new ResourceMetrics(registry, NodeUsages.Over(tunnel, registry, time, logs.CreateLogger("apiserver")), time),
            new ComponentStatuses([.. options.Components, new Component("etcd-0", () => watched.Failure)], time), new Discovery(kinds, options.AdvertiseAddress.ToString()), new OpenApi(kinds), health, limits, audit, metrics, new Freshness(watched, cache), time, logs.CreateLogger("apiserver"));
        var web = Build(options, logs);
        web.UseWebSockets();
        web.Run(handler.HandleAsync);
        await web.StartAsync(cancel);
        var host = new ApiServerHost(web, watched, tunnel, proxy, health, audit);
        var log = logs.CreateLogger("apiserver");
        var stop = host._stop.Token;
        host._keeper = Task.WhenAll(defaults.KeepAsync(cache, log, stop), admission.Quotas.KeepAsync(registry, log, stop), KeepAddressesAsync(registry, allocator, log, time, stop), presence?.KeepAsync(stop) ?? Task.CompletedTask);
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        _health.End();
        using var atOnce = new CancellationTokenSource();
        await atOnce.CancelAsync();
        await _stop.CancelAsync();
        await _keeper;
        _stop.Dispose();
        await _web.StopAsync(atOnce.Token);
        await _web.DisposeAsync();
        _proxy.Dispose();
        _tunnel.Dispose();
        await _store.DisposeAsync();
        if (_audit is not null) await _audit.DisposeAsync();
    }

    /// <summary>Allocation follows what is stored.</summary>
    private static void Follow(ObjectCache cache, KindTable kinds, ServiceAllocator allocator)
    {
        var services = kinds.Find("", "v1", "services")!;
        var ranges = kinds.Find("networking.k8s.io", "v1", "servicecidrs")!;
        var addresses = kinds.Find("networking.k8s.io", "v1", "ipaddresses")!;
        cache.Follow([services, ranges, addresses], (kind, old, now) =>
        {
            var obj = (now ?? old)!;
            if (kind == services) allocator.Observe($"{obj.Namespace}/{obj.Name}", old?.ToTree(), now?.ToTree());
            else if (kind == ranges) allocator.Ranges.Observe(obj.Name, now?.ToTree());
            else if (kind == addresses && !IpAddressStrategy.IsOurs(obj.Labels)) allocator.ObserveForeign(obj.Name, isKept: now is not null);
        });
    }

    private static async Task KeepAddressesAsync(Registry registry, ServiceAllocator allocator, ILogger log, TimeProvider time, CancellationToken cancel)
    {
        using var addresses = new AddressKeeper(registry, allocator, log, time);
        using var ranges = new RangeKeeper(registry, allocator, log, time);
        await Task.WhenAll(addresses.RunAsync(cancel), ranges.RunAsync(cancel));
    }

    private static WebApplication Build(ApiServerOptions options, ILoggerFactory logs)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Replace(ServiceDescriptor.Singleton(logs));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MaxRequestLineSize = LongestHead;
            kestrel.Limits.MaxRequestHeadersTotalSize = LongestHead;
            kestrel.Limits.Http2.MaxRequestHeaderFieldSize = LongestHead;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
            foreach (var address in options.Listen)
            {
                kestrel.Listen(address, listen =>
                {
                    listen.Protocols = HttpProtocols.Http1AndHttp2;
                    listen.UseHttps(Tls(options));
                });
            }
        });
        builder.WebHost.UseKestrelHttpsConfiguration();
        return builder.Build();
    }

    private static HttpsConnectionAdapterOptions Tls(ApiServerOptions options)
    {
        var clients = MachineTrust.ChainPolicy(options.ClientAuthorities);
        return new HttpsConnectionAdapterOptions
        {
            ServerCertificate = options.ServingCertificate,
            ClientCertificateMode = ClientCertificateMode.AllowCertificate,
            OnAuthenticate = (_, settings) => settings.CertificateChainPolicy = clients,
            ClientCertificateValidation = (_, _, errors) => errors == SslPolicyErrors.None,
        };
    }
}
