using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Xunit;

namespace Fairlead.System;

/// <summary>DNS over TLS to other servers, against unbound with a certificate of the test's own authority.</summary>
public sealed class DnsOverTlsTests : IAsyncLifetime
{
    private const string Resolver = "127.13.9.1", HostName = "resolver.example";
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-dot-").FullName;
    private readonly Cluster _cluster;
    private Process? _unbound;

    public DnsOverTlsTests(Cluster cluster) => _cluster = cluster;

    private string Log => Path.Combine(_folder, "log");

    public async ValueTask InitializeAsync()
    {
        await WriteCertificatesAsync();
        await File.WriteAllTextAsync(Path.Combine(_folder, "unbound.conf"), $"""
            server:
                interface: {Resolver}@853
                tls-port: 853
                tls-service-key: "{_folder}/server.key"
                tls-service-pem: "{_folder}/server.crt"
                access-control: 127.0.0.0/8 allow
                do-daemonize: no
                username: ""
                chroot: ""
                directory: "{_folder}"
                pidfile: ""
                use-syslog: no
                logfile: "{Log}"
                log-queries: yes
                module-config: "iterator"
                local-zone: "corp.example." static
                local-data: "www.corp.example. 60 IN A 192.0.2.53"
                local-data: "long.corp.example. 60 IN TXT {new string('x', 200)}"
            {string.Join('\n', Enumerable.Range(0, 30).Select(i => $"    local-data: \"long.corp.example. 60 IN TXT {i}{new string('y', 190)}\""))}
            remote-control:
                control-enable: no
            """);
        _unbound = Command.Start("/usr/sbin/unbound", ["-d", "-c", Path.Combine(_folder, "unbound.conf")]);
        await Until.AsyncHolds(() => Command.TryAsync("openssl", ["s_client", "-connect", $"{Resolver}:853", "-brief"], input: ""), result => result.Code == 0, "unbound speaks TLS");
    }

    public async ValueTask DisposeAsync()
    {
        if (_unbound is not null)
        {
            _unbound.Kill();
            await _unbound.WaitForExitAsync();
            _unbound.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Forward_ToATlsServer_AsksItOverTlsAlone()
    {
        await using var dns = await StartAsync("127.13.9.2", HostName, trusted: true);

        Assert.Equal(["192.0.2.53"], await dns.ShortAsync("www.corp.example"));
        Assert.Contains("status: NXDOMAIN", (await dns.DigAsync("nobody.corp.example")).Output, StringComparison.Ordinal);
        // More than a datagram holds comes whole over TCP.
        Assert.Equal(31, (await dns.ShortAsync("+tcp", "long.corp.example", "TXT")).Count);
        Assert.Contains(" tc ", (await dns.DigAsync("+notcp", "+ignore", "long.corp.example", "TXT")).Output.Replace(';', ' '), StringComparison.Ordinal);
        Assert.Contains("www.corp.example. A IN", await File.ReadAllTextAsync(Log, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.13.9.3", "another.example", true)]
    [InlineData("127.13.9.4", HostName, false)]
    public async Task Forward_ToAServerThatShowsTheWrongCertificate_AsksItNothing(string address, string name, bool trusted)
    {
        await using var dns = await StartAsync(address, name, trusted);

        Assert.Contains("status: SERVFAIL", (await dns.DigAsync("secret.corp.example")).Output, StringComparison.Ordinal);

        await Until.AsyncHolds(() => Task.FromResult(dns.Log.ToList()), lines => lines.Any(line => line.Contains($"tls://{Resolver}:853", StringComparison.Ordinal) && line.Contains("certificate", StringComparison.OrdinalIgnoreCase)), "why it is not asked is in the log");
        Assert.DoesNotContain("secret.corp.example", await File.ReadAllTextAsync(Log, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    /// <summary>`fairlead dns` that knows unbound by that name.</summary>
    private async Task<DnsProcess> StartAsync(string address, string name, bool trusted)
    {
        var file = Path.Combine(_folder, $"Corefile-{address}");
        await File.WriteAllTextAsync(file, $". {{\n  kubernetes cluster.local\n  forward . tls://{Resolver} {{\n    tls_servername {name}\n  }}\n}}\n");
        // OpenSSL's variable names whom to trust, as everywhere.
        var trust = new Dictionary<string, string> { ["SSL_CERT_FILE"] = trusted ? Path.Combine(_folder, "ca.crt") : "/etc/ssl/certs/ca-certificates.crt" };
        var dns = new DnsProcess(address, null, trust, "--kubeconfig", _cluster.Kubeconfig, "--config", file);
        await dns.UntilReadyAsync();
        return dns;
    }

    private async Task WriteCertificatesAsync()
    {
        var now = TimeProvider.System.GetUtcNow();
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={HostName}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(HostName);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, now.AddDays(-1), now.AddHours(23), [1, 2, 3, 4]);
        await File.WriteAllTextAsync(Path.Combine(_folder, "ca.crt"), authority.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(_folder, "server.crt"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(_folder, "server.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
