using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Client;
using Fairlead.Unit.ApiServer;
using Xunit;

namespace Fairlead.Unit.Kube;

/// <summary>A client trusts whom its kubeconfig names and nobody else.</summary>
public sealed class TrustTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("its own", false, true)]
    [InlineData("another", false, false)]
    [InlineData("the machine's", false, false)]
    [InlineData("another", true, true)]
    public async Task Client_OfAServer_TrustsItAsItIsTold(string authority, bool skips, bool expected)
    {
        await using var server = await TestApiServer.StartAsync();
        var pem = authority switch
        {
            "its own" => server.Authority.CertificatePem,
            "another" => CertificateAuthority.OpenOrCreate(_folder, TimeProvider.System).CertificatePem,
            _ => null,
        };
        using var client = new KubeClient(
            new KubeClientConfiguration
            {
                Server = new Uri($"https://{server.Address}"),
                CertificateAuthorities = pem is null ? [] : [X509Certificate2.CreateFromPem(pem)],
                SkipTlsVerify = skips,
            },
            "test");

        async Task<HttpStatusCode> Ask() => (await client.Http.GetAsync("/version", TestContext.Current.CancellationToken)).StatusCode;

        if (expected) Assert.Equal(HttpStatusCode.OK, await Ask());
        else await Assert.ThrowsAsync<HttpRequestException>(Ask);
    }

    [Theory]
    [InlineData("certificate-authority")]
    [InlineData("certificate-authority-data")]
    public async Task Kubeconfig_WithSeveralAuthorities_TrustsAllOfThem(string member)
    {
        await using var server = await TestApiServer.StartAsync();
        var bundle = CertificateAuthority.OpenOrCreate(_folder, TimeProvider.System).CertificatePem + "\n" + server.Authority.CertificatePem;
        await File.WriteAllTextAsync(Path.Combine(_folder, "bundle.crt"), bundle, TestContext.Current.CancellationToken);
        var value = member.EndsWith("data", StringComparison.Ordinal) ? Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(bundle)) : "bundle.crt";
        await File.WriteAllTextAsync(Path.Combine(_folder, "config"), $$"""
            apiVersion: v1
            kind: Config
            current-context: a
            contexts: [ { name: a, context: { cluster: a, user: a } } ]
            clusters: [ { name: other, cluster: { server: "https://192.0.2.1" } }, { name: a, cluster: { server: "https://{{server.Address}}", {{member}}: "{{value}}" } } ]
            users: [ { name: a, user: { token: x } } ]
            """, TestContext.Current.CancellationToken);

        using var client = new KubeClient(KubeClientConfiguration.FromFile(Path.Combine(_folder, "config")), "test");

        // It is spoken to, and does not know the token.
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.Http.GetAsync("/version", TestContext.Current.CancellationToken)).StatusCode);
    }
}
