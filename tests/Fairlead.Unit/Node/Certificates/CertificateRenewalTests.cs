using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Controllers;
using Fairlead.Kube;
using Fairlead.Kube.Certificates;
using Fairlead.Kube.Client;
using Fairlead.Node.Certificates;
using Fairlead.Unit.ApiServer;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Node.Certificates;

/// <summary>A node's certificates against a server and its controllers, with a clock that is turned by hand.</summary>
public sealed class CertificateRenewalTests : IAsyncLifetime
{
    private const string Node = "node-1";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly CancellationTokenSource _stop = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch + TimeSpan.FromSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()));
    private readonly List<string> _saved = [];
    private TestApiServer _server = null!;
    private RenewableCertificate _identity = null!;
    private KubeClient _node = null!;
    private Task _controllers = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _server = await TestApiServer.StartAsync();
        var set = new ControllerSet(_server.Client, new ControllerOptions { Signer = _server.Authority, ServerNames = [_server.Address.Address.ToString()] }, NullLoggerFactory.Instance, TimeProvider.System);
        _controllers = set.RunAsync(_stop.Token);
        await set.Ready.WaitAsync(Deadline);
        _identity = new RenewableCertificate(_server.Authority.Issue(Signers.NodeUserPrefix + Node, [Signers.NodeGroup], []).ToX509());
        _node = new KubeClient(new KubeClientConfiguration
        {
            Server = new Uri($"https://{_server.Address}"), CertificateAuthorities = [X509Certificate2.CreateFromPem(_server.Authority.CertificatePem)], RenewableCertificate = _identity,
        }, "fairlead-test");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _controllers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _node.Dispose();
        await _server.DisposeAsync();
        _stop.Dispose();
    }

    [Theory]
    [InlineData(0, 0.7)]
    [InlineData(0.5, 0.8)]
    [InlineData(1, 0.9)]
    public void Due_ByChance_IsBetween70And90PercentOfTheLife(double chance, double share)
    {
        var certificate = _identity.Current!;
        var life = certificate.NotAfter - certificate.NotBefore;
        Assert.Equal(certificate.NotBefore + (life * share), CertificateRenewal.Due(certificate, chance).LocalDateTime, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Client_NearItsEnd_IsRenewedAndShownWithoutARestart()
    {
        var first = await ObtainAsync(WantedCertificate.Client(Node) with { Life = TimeSpan.FromMinutes(10) });
        _identity.Replace(first);
        Assert.InRange(first.NotAfter.ToUniversalTime() - TimeProvider.System.GetUtcNow().UtcDateTime, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(10));
        var renewal = Renewal(WantedCertificate.Client(Node), _identity);
        // Of its life of fifteen minutes, five lie before now: nothing is due for the next five.
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Empty(_saved);
        await AdvanceUntilAsync(() => _saved.Count == 1);
        Assert.NotEqual(first.Thumbprint, _identity.Current!.Thumbprint);
        Assert.True(_identity.Current.HasPrivateKey);
        Assert.True(_identity.Current.NotAfter > first.NotAfter.AddDays(300));
        // The server is asked with the new one, over a new connection.
        var made = await _node.CreateAsync(ApiResources.CertificateSigningRequests, new V1CertificateSigningRequest
        {
            Metadata = new V1ObjectMeta { Name = "who" },
            Spec = new V1CertificateSigningRequestSpec { Request = System.Text.Encoding.ASCII.GetBytes(Pem()), SignerName = "example.com/s", Usages = ["client auth"] },
        }, TestContext.Current.CancellationToken);
        Assert.Equal(Signers.NodeUserPrefix + Node, made.Spec.Username);
        await _stop.CancelAsync();
        await renewal;
    }

    [Fact]
    public async Task Serving_NodeRegistersLater_IsIssuedThen()
    {
        var serving = new RenewableCertificate(null);
        var renewal = Renewal(WantedCertificate.Serving(Node, IPAddress.Parse("192.0.2.11")), serving);
        await TestClusterRequestsAsync(count => count == 1);
        Assert.Null(serving.Current);
        await _server.Client.CreateAsync(ApiResources.Nodes, new V1Node
        {
            Metadata = new V1ObjectMeta { Name = Node }, Status = new V1NodeStatus { Addresses = [new V1NodeAddress { Type = "InternalIP", Address = "192.0.2.11" }] },
        }, TestContext.Current.CancellationToken);
        await AdvanceUntilAsync(() => serving.Current is not null);
        var names = serving.Current!.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        Assert.Equal([Node], names.EnumerateDnsNames());
        Assert.Equal([IPAddress.Parse("192.0.2.11")], names.EnumerateIPAddresses());
        await _stop.CancelAsync();
        await renewal;
    }

    [Fact]
    public async Task Obtain_Denied_SaysSo()
    {
        var obtaining = new CertificateRequests(NullLogger.Instance, _time).ObtainAsync(_node, WantedCertificate.Serving(Node, IPAddress.Parse("192.0.2.66")), _stop.Token);
        var request = await TestClusterRequestsAsync(count => count == 1);
        request.Status = new V1CertificateSigningRequestStatus { Conditions = [new V1CertificateSigningRequestCondition { Type = "Denied", Status = "True", Reason = "Stranger", Message = "not one of ours" }] };
        await _server.Client.ReplaceAsync(ApiResources.CertificateSigningRequests, request, "approval", TestContext.Current.CancellationToken);
        await AdvanceUntilAsync(() => obtaining.IsCompleted);
        var refusal = await Assert.ThrowsAsync<CertificateRefusedException>(() => obtaining);
        Assert.Contains("was denied: not one of ours", refusal.Message, StringComparison.Ordinal);
    }

    private Task Renewal(WantedCertificate wanted, RenewableCertificate certificate) =>
        new CertificateRenewal(_node, wanted, certificate, _saved.Add, new CertificateRequests(NullLogger.Instance, _time), NullLogger.Instance, _time).RunAsync(_stop.Token);

    private async Task<X509Certificate2> ObtainAsync(WantedCertificate wanted)
    {
        var obtaining = new CertificateRequests(NullLogger.Instance, _time).ObtainAsync(_node, wanted, _stop.Token);
        await AdvanceUntilAsync(() => obtaining.IsCompleted);
        var pem = await obtaining;
        return X509Certificate2.CreateFromPem(pem, pem);
    }

    /// <summary>Turns the clock a little at a time, while the server and the controllers do their work in real time.</summary>
    private async Task AdvanceUntilAsync(Func<bool> holds)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Deadline, "not in time");
            _time.Advance(TimeSpan.FromSeconds(2));
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }
    }

    private async Task<V1CertificateSigningRequest> TestClusterRequestsAsync(Func<int, bool> holds)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var all = await _server.Client.ListAsync(ApiResources.CertificateSigningRequests, null, ListOptions.All, TestContext.Current.CancellationToken);
            if (holds(all.Items.Count)) return all.Items[0];
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Deadline, "not in time");
        }
    }

    private static string Pem()
    {
        using var key = System.Security.Cryptography.ECDsa.Create();
        return new CertificateRequest("CN=a", key, System.Security.Cryptography.HashAlgorithmName.SHA256).CreateSigningRequestPem();
    }
}
