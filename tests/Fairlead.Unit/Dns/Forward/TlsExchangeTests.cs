using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Dns.Forward;

/// <summary>DNS over TLS, against a server of the test's.</summary>
public sealed class TlsExchangeTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private readonly FakeTimeProvider _time = new();
    private readonly X509Certificate2 _certificate = Certificate();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new(s_patience);
    private readonly Lock _lock = new();
    private readonly List<SslStream> _open = [];
    private int _accepted;
    private Task _serving = Task.CompletedTask;

    private IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

    public ValueTask InitializeAsync()
    {
        _listener.Start();
        _serving = ServeAsync();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        Close();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _certificate.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task AskAsync_OneAfterTheOther_ShareAConnectionUntilItIsOldOrClosed()
    {
        using TlsExchange exchange = To("resolver.example");

        await AskAsync(exchange);
        await AskAsync(exchange);
        Assert.Equal(1, _accepted);
        _time.Advance(TimeSpan.FromSeconds(10));
        await AskAsync(exchange);
        Assert.Equal(2, _accepted);
        Close();
        await AskAsync(exchange);
        Assert.Equal(3, _accepted);
    }

    [Fact]
    public async Task AskAsync_SideBySide_HaveConnectionsOfTheirOwn()
    {
        using TlsExchange exchange = To("resolver.example");

        await Task.WhenAll(AskAsync(exchange), AskAsync(exchange), AskAsync(exchange));

        Assert.InRange(_accepted, 1, 3);
    }

    [Fact]
    public async Task AskAsync_CertificateOfAnother_IsRefused()
    {
        using TlsExchange exchange = To("another.example");
        using TlsExchange byAddress = To(null);

        await Assert.ThrowsAsync<AuthenticationException>(() => AskAsync(exchange));
        // The certificate has the address too.
        await AskAsync(byAddress);
    }

    [Fact]
    public async Task AskAsync_CertificateOfNobodyTrusted_IsRefused()
    {
        using var exchange = new TlsExchange(new UpstreamServer(Address, IsTls: true, "resolver.example"), TimeSpan.FromSeconds(10), _time);

        await Assert.ThrowsAsync<AuthenticationException>(() => AskAsync(exchange));
    }

    private TlsExchange To(string? name) => new(new UpstreamServer(Address, IsTls: true, name), TimeSpan.FromSeconds(10), _time, [_certificate]);

    private async Task AskAsync(TlsExchange exchange)
    {
        byte[] message = Ask.Query("example.com");
        var query = default(Query);
        query.Parse(message);
        byte[] response = await exchange.AskAsync(UpstreamQuery.Create(query, message), _stop.Token);
        Assert.Contains("answer example.com. 60 A 192.0.2.1", Ask.Lines(response));
    }

    private void Close()
    {
        lock (_lock)
        {
            _open.ForEach(stream => stream.Dispose());
            _open.Clear();
        }
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        var stream = new SslStream(client.GetStream());
        try
        {
            await stream.AuthenticateAsServerAsync(_certificate);
            Interlocked.Increment(ref _accepted);
            lock (_lock)
            {
                _open.Add(stream);
            }
            byte[] head = new byte[2];
            while (await stream.ReadAtLeastAsync(head, 2, throwOnEndOfStream: false, _stop.Token) == 2)
            {
                byte[] query = new byte[head[0] << 8 | head[1]];
                await stream.ReadExactlyAsync(query, _stop.Token);
                byte[] response = ScriptedServer.Answer(query);
                await stream.WriteAsync((byte[])[(byte)(response.Length >> 8), (byte)response.Length, .. response], _stop.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or AuthenticationException)
        {
            // The client went, or did not trust it.
        }
        finally
        {
            await stream.DisposeAsync();
            client.Dispose();
        }
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=resolver.example", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("resolver.example");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}
