using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Unit.Ingress.Routes;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Clients that show certificates (annotations auth-tls-*), as nginx judges them.</summary>
public sealed class ClientCertificateTests : IAsyncLifetime
{
    private const string Host = "kubia.example.com";
    private readonly Authority _root = Authority.Root("root");
    private readonly Authority _stranger = Authority.Root("stranger");
    private Pod _pod = null!;

    public async ValueTask InitializeAsync() => _pod = await Pod.StartAsync("a");

    public async ValueTask DisposeAsync()
    {
        await _pod.DisposeAsync();
        _root.Dispose();
        _stranger.Dispose();
    }

    [Theory]
    [InlineData("on", "none", 400, "400 No required SSL certificate was sent\n")]
    [InlineData("on", "stranger", 400, "400 The SSL certificate error\n")]
    [InlineData("on", "expired", 400, "400 The SSL certificate error\n")]
    [InlineData("on", "good", 200, "a")]
    [InlineData("optional", "none", 200, "a")]
    [InlineData("optional", "stranger", 400, "400 The SSL certificate error\n")]
    [InlineData("optional", "good", 200, "a")]
    [InlineData("optional_no_ca", "stranger", 200, "a")]
    [InlineData("optional_no_ca", "expired", 400, "400 The SSL certificate error\n")]
    [InlineData("off", "stranger", 200, "a")]
    [InlineData("off", "none", 200, "a")]
    public async Task Verify_DecidesWhoComesIn_OverEitherHttp(string verify, string who, int status, string body)
    {
        await using var front = Start(("auth-tls-verify-client", verify));
        using var certificate = who switch { "good" => _root.Client("CN=jane"), "stranger" => _stranger.Client("CN=jane"), "expired" => _root.Client("CN=jane", days: -1), _ => null };

        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            var (code, text) = await AskAsync(front, certificate, version: version);
            Assert.Equal((status, body), (code, text));
        }
        Assert.Equal(status == 200 ? 2 : 0, _pod.Seen.Count);
    }

    [Fact]
    public async Task Pod_IsToldOfTheClient_AndNotByTheClient()
    {
        await using var front = Start(("auth-tls-pass-certificate-to-upstream", "true"));
        using var certificate = _root.Client("CN=\"jane, the first\", O=Example, C=CH");

        await AskAsync(front, certificate, fields: [("ssl-client-verify", "forged"), ("ssl-client-subject-dn", "forged")]);

        Assert.True(_pod.Seen.TryDequeue(out var seen));
        Assert.Equal(
            ("SUCCESS", "CN=jane\\, the first,O=Example,C=CH", "CN=root"),
            (seen.Fields["ssl-client-verify"], seen.Fields["ssl-client-subject-dn"], seen.Fields["ssl-client-issuer-dn"]));
        var passed = Uri.UnescapeDataString(seen.Fields["ssl-client-cert"]);
        using var read = X509Certificate2.CreateFromPem(passed);
        Assert.Equal(certificate.Thumbprint, read.Thumbprint);
    }

    [Fact]
    public async Task Optional_PodIsToldThatThereIsNone()
    {
        await using var front = Start(("auth-tls-verify-client", "optional"));

        await AskAsync(front, null, fields: [("ssl-client-verify", "SUCCESS"), ("ssl-client-cert", "forged"), ("ssl-client-subject-dn", "CN=root")]);

        Assert.True(_pod.Seen.TryDequeue(out var seen));
        Assert.Equal(("NONE", null, null), (seen.Fields["ssl-client-verify"], seen.Fields.GetValueOrDefault("ssl-client-cert"), seen.Fields.GetValueOrDefault("ssl-client-subject-dn")));
    }

    [Theory]
    [InlineData("1", 200)]
    [InlineData("0", 400)]
    public async Task Depth_CountsTheAuthoritiesBetween(string depth, int status)
    {
        await using var front = Start(("auth-tls-verify-depth", depth));
        using var between = _root.Below("between");
        using var certificate = between.Client("CN=jane");

        Assert.Equal(status, (await AskAsync(front, certificate, [between.Certificate])).Status);
    }

    [Theory]
    [InlineData("CN=jane", "CN=jane", 200)]
    [InlineData("CN=jane", "CN=joe", 403)]
    [InlineData("CN=j.*", "CN=joe", 200)]
    public async Task Name_ThatIsNotMeant_403(string pattern, string name, int status)
    {
        await using var front = Start(("auth-tls-match-cn", pattern));
        using var certificate = _root.Client(name);

        Assert.Equal(status, (await AskAsync(front, certificate)).Status);
    }

    [Fact]
    public async Task Revoked_IsRefused_AndOthersAreNot()
    {
        using var revoked = _root.Client("CN=revoked");
        using var other = _root.Client("CN=other");
        await using var front = Start();
        front.Objects.Secret("ca", ("ca.crt", _root.Pem), ("ca.crl", _root.Revoking(revoked)));
        front.Commit();

        Assert.Equal(400, (await AskAsync(front, revoked)).Status);
        Assert.Equal(200, (await AskAsync(front, other)).Status);
    }

    [Fact]
    public async Task ErrorPage_IsWhereTheRefusedGo()
    {
        await using var front = Start(("auth-tls-error-page", "https://error.example.com/why"));

        var (status, _, location) = await AskAllAsync(front, null);
        Assert.Equal((302, "https://error.example.com/why"), (status, location));
    }

    [Fact]
    public async Task AnotherHostsConnection_421_AndPlainHttpIsSentToTls()
    {
        await using var front = Start();
        front.Objects.Ingress("open", "open.example.com", ["Prefix /"]);
        front.Commit();

        Assert.StartsWith("HTTP/1.1 421 ", await MisdirectedAsync(front, "open.example.com"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 421 ", await MisdirectedAsync(front, ""), StringComparison.Ordinal);
        var plain = await front.GetAsync(Host, "/x");
        Assert.Equal((308, $"https://{Host}/x"), (Front.Status(plain), Front.Field(plain, "Location")));
        Assert.Empty(_pod.Seen);
    }

    [Fact]
    public async Task WholeHost_IsProtected_AndAnIngressThatAsksOtherwiseIsTold()
    {
        await using var front = Start();
        front.Objects.Ingress("beside", Host, ["Prefix /beside"]).Ingress("other", Host, ["Prefix /other"], ("auth-tls-secret", "default/ca"), ("auth-tls-verify-client", "optional"));
        front.Commit();
        using var certificate = _root.Client("CN=jane");

        Assert.Equal(400, (await AskAsync(front, null, path: "/beside")).Status);
        Assert.Equal(200, (await AskAsync(front, certificate, path: "/beside")).Status);
        Assert.Equal(503, (await AskAsync(front, certificate, path: "/other")).Status);
        var told = Assert.Single(front.Objects.Problems);
        Assert.Equal(("other", "ClientCertificateConflict"), (told.Ingress.Name, told.Problem.Reason));
    }

    [Theory]
    [InlineData("other/ca", "of another namespace")]
    [InlineData("default/none", "does not exist")]
    [InlineData("broken", "cannot be used")]
    [InlineData("", "without auth-tls-secret")]
    public void Secret_ThatCannotBeUsed_Denies_AndIsToldAsAnEvent(string secret, string why)
    {
        var some = new Some().Secret("broken", ("ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"))
            .Ingress("one", Host, ["Prefix /"], ("auth-tls-secret", secret), ("auth-tls-verify-client", "on"));

        Assert.NotNull(some.Commit().Routes.Find(Host, "/")!.Options.Denied);
        var told = Assert.Single(some.Problems).Problem;
        Assert.Equal("AuthTlsSecret", told.Reason);
        Assert.Contains(why, told.Message, StringComparison.Ordinal);
    }

    private Front Start(params (string, string)[] annotations)
    {
        var front = Front.Start();
        front.Service("web", _pod).Objects.Secret("ca", ("ca.crt", _root.Pem)).Ingress("one", Host, ["Prefix /"], [("auth-tls-secret", "default/ca"), .. annotations]);
        front.Commit();
        return front;
    }

    /// <summary>Asks for our host on a connection that was made for another.</summary>
    private static async Task<string> MisdirectedAsync(Front front, string serverName)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(front.Https);
#pragma warning disable CA5359 // Its certificate is its own.
        await using var tls = new SslStream(tcp.GetStream(), false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = serverName });
        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {Host}\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(tls);
        return await reader.ReadToEndAsync();
    }

    private static async Task<(int Status, string Body)> AskAsync(
        Front front, X509Certificate2? certificate, X509Certificate2Collection? chain = null, Version? version = null, string path = "/", (string, string)[]? fields = null)
    {
        var (status, body, _) = await AskAllAsync(front, certificate, chain, version, path, fields);
        return (status, body);
    }

    private static async Task<(int Status, string Body, string? Location)> AskAllAsync(
        Front front, X509Certificate2? certificate, X509Certificate2Collection? chain = null, Version? version = null, string path = "/", (string, string)[]? fields = null)
    {
#pragma warning disable CA5359 // Its certificate is its own.
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false, SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
#pragma warning restore CA5359
        if (certificate is not null) handler.SslOptions.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true);
        using var http = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://{front.Https}{path}") { Version = version ?? HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = Host } };
        foreach (var (name, value) in fields ?? []) request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await http.SendAsync(request);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Headers.Location?.ToString());
    }
}
