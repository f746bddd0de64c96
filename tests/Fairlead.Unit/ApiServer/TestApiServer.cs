using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Storage;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Unit.ApiServer;

/// <summary>A real API server on a loopback port, with its state in memory: what tests of the other parts run against.</summary>
public sealed class TestApiServer : IAsyncDisposable
{
    private readonly ApiServerHost _host;
    private readonly string _folder;

    private TestApiServer(ApiServerHost host, KubeClient client, CertificateAuthority authority, IPEndPoint address, string folder)
    {
        _host = host;
        _folder = folder;
        Client = client;
        Authority = authority;
        Address = address;
    }

    /// <summary>As system:masters.</summary>
    public KubeClient Client { get; }

    public CertificateAuthority Authority { get; }

    public IPEndPoint Address { get; }

    public static async Task<TestApiServer> StartAsync(
        IStore? store = null, TimeProvider? time = null, bool withAccounts = false, Func<ApiServerOptions, ApiServerOptions>? configure = null)
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-test-").FullName;
        var authority = CertificateAuthority.OpenOrCreate(folder, TimeProvider.System);
        var address = new IPEndPoint(Loopback.Next(), 6443);
        var trusted = X509Certificate2.CreateFromPem(authority.CertificatePem);
        var options = new ApiServerOptions
        {
            Listen = [address],
            AdvertiseAddress = new IPEndPoint(IPAddress.Parse("192.0.2.10"), address.Port),
            ServingCertificate = authority.Issue("kube-apiserver", [], [address.Address.ToString()]).ToX509(),
            KubeletClientCertificate = authority.Issue("kube-apiserver-kubelet-client", [User.Masters], []).ToX509(),
            ClientAuthorities = [trusted],
            // No controller runs here that would give namespaces their accounts.
            DisabledAdmission = withAccounts ? [] : ["ServiceAccount"],
            ServiceAccountKey = ECDsa.Create(ECCurve.NamedCurves.nistP256),
        };
        if (configure is not null) options = configure(options);
        var host = await ApiServerHost.StartAsync(options, store ?? new MemoryStore(), NullLoggerFactory.Instance, time ?? TimeProvider.System, CancellationToken.None);
        return new TestApiServer(host, ClientFor(authority, address, "admin", User.Masters), authority, address, folder);
    }

    /// <summary>A client that is somebody else.</summary>
    public static KubeClient ClientFor(CertificateAuthority authority, IPEndPoint address, string name, params string[] groups) =>
        new(new KubeClientConfiguration
        {
            Server = new Uri($"https://{address}"),
            CertificateAuthorities = [X509Certificate2.CreateFromPem(authority.CertificatePem)],
            ClientCertificate = authority.Issue(name, groups, []).ToX509(),
        }, "fairlead-test");

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
