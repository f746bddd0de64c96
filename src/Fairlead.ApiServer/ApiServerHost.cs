using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
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
    private readonly WebApplication _web;
    private readonly IStore _store;
    private readonly NodeTunnel _tunnel;

    private ApiServerHost(WebApplication web, IStore store, NodeTunnel tunnel)
    {
        _web = web;
        _store = store;
        _tunnel = tunnel;
    }

    /// <summary>Loads the store, makes the default objects and listens. When it answers, the server is ready.</summary>
    /// <exception cref="ApiServerOptionsException">Options that cannot work; nothing was opened.</exception>
    /// <exception cref="StoreException">The store cannot be opened.</exception>
    /// <exception cref="IOException">An address to listen on is in use.</exception>
    public static async Task<ApiServerHost> StartAsync(
        ApiServerOptions options, IStore store, ILoggerFactory logs, TimeProvider time, CancellationToken cancel)
    {
        if (options.Validate().ToList() is { Count: > 0 } errors) throw new ApiServerOptionsException(string.Join("; ", errors));
        var allocator = new ServiceAllocator(options.Addresses, options.FirstNodePort, options.LastNodePort);
        var kinds = new KindTable(allocator);
        var cache = new ObjectCache(kinds.All);
        await cache.LoadAsync(store, cancel);
        Follow(cache, kinds, allocator);
        var registry = new Registry(cache, store, kinds, time);
        await new DefaultObjects(registry, options).EnsureAsync(cancel);
        var tunnel = new NodeTunnel(options.KubeletClientCertificate, options.ClientAuthorities);
        var handler = new ApiHandler(
            new Authentication(options.Tokens), new Authorization(new NodeAuthorization(cache, kinds)), kinds, new ResourceHandler(registry, time), new NodeStreams(registry, tunnel),
            new Discovery(kinds, options.AdvertiseAddress.ToString()), new OpenApi(kinds), logs.CreateLogger("apiserver"));
        var web = Build(options, logs);
        web.Run(handler.HandleAsync);
        await web.StartAsync(cancel);
        return new ApiServerHost(web, store, tunnel);
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource();
        await atOnce.CancelAsync();
        await _web.StopAsync(atOnce.Token);
        await _web.DisposeAsync();
        _tunnel.Dispose();
        await _store.DisposeAsync();
    }

    /// <summary>Allocation follows what is stored.</summary>
    private static void Follow(ObjectCache cache, KindTable kinds, ServiceAllocator allocator)
    {
        var services = kinds.Find("", "v1", "services")!;
        foreach (var service in cache[services].Objects.Values) allocator.Observe($"{service.Namespace}/{service.Name}", null, service.ToTree());
        cache.Observe((change, kind) =>
        {
            if (kind != services) return;
            var obj = change.New ?? change.Old!;
            allocator.Observe($"{obj.Namespace}/{obj.Name}", change.Old?.ToTree(), change.New?.ToTree());
        });
    }

    private static WebApplication Build(ApiServerOptions options, ILoggerFactory logs)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Replace(ServiceDescriptor.Singleton(logs));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
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
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(options.ClientAuthorities);
        return new HttpsConnectionAdapterOptions
        {
            ServerCertificate = options.ServingCertificate,
            ClientCertificateMode = ClientCertificateMode.AllowCertificate,
            ClientCertificateValidation = (certificate, _, _) =>
            {
                using var chain = new X509Chain { ChainPolicy = policy.Clone() };
                return chain.Build(certificate);
            },
        };
    }
}
