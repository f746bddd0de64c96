using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;
using Fairlead.Unit.ApiServer.HTTP;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.ApiServer.Security;

/// <summary>Kubernetes documentation: "Authenticating with Bootstrap Tokens".</summary>
public sealed class BootstrapTokenTests
{
    private const string Review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    private const string Good = """ "token-id":"abcdef","token-secret":"0123456789abcdef","usage-bootstrap-authentication":"true" """;

    [Theory]
    [InlineData(Good, "abcdef.0123456789abcdef", 201)]
    [InlineData(Good + ""","expiration":"2030-01-01T00:00:00Z" """, "abcdef.0123456789abcdef", 201)]
    [InlineData(Good, "abcdef.0123456789abcdeg", 401)]
    [InlineData(Good, "abcdeg.0123456789abcdef", 401)]
    [InlineData(Good, "abcdef.0123456789abcdef0", 401)]
    [InlineData(Good + ""","expiration":"2020-01-01T00:00:00Z" """, "abcdef.0123456789abcdef", 401)]
    [InlineData(Good + ""","expiration":"tomorrow" """, "abcdef.0123456789abcdef", 401)]
    [InlineData(""" "token-id":"abcdef","token-secret":"0123456789abcdef" """, "abcdef.0123456789abcdef", 401)]
    [InlineData(""" "token-id":"abcdee","token-secret":"0123456789abcdef","usage-bootstrap-authentication":"true" """, "abcdef.0123456789abcdef", 401)]
    [InlineData(Good, "abcdef.0123456789abcdef", 401, "Opaque")]
    public async Task Token_AsTheSecretSays_IsGoodOrNot(string data, string token, int code, string type = "bootstrap.kubernetes.io/token")
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var server = await TestApiServer.StartAsync(time: time);
        await new Api(server.Client).DoAsync("POST", "/api/v1/namespaces/kube-system/secrets", $$"""{"metadata":{"name":"bootstrap-token-abcdef"},"type":"{{type}}","stringData":{ {{data}} } }""");
        using var client = ClientOf(server, token);
        Assert.Equal(code, (await new Api(client).SendAsync("POST", Review, "{}")).Code);
    }

    [Fact]
    public async Task Token_WithGroups_MayAskForANodesCertificateAndNothingElse()
    {
        await using var server = await TestApiServer.StartAsync();
        await new Api(server.Client).DoAsync("POST", "/api/v1/namespaces/kube-system/secrets",
            $$"""{"metadata":{"name":"bootstrap-token-abcdef"},"type":"bootstrap.kubernetes.io/token","stringData":{ {{Good}},"auth-extra-groups":"system:bootstrappers:kubeadm:default-node-token,system:masters" } }""");
        using var client = ClientOf(server, "abcdef.0123456789abcdef");
        var api = new Api(client);
        var user = (await api.DoAsync("POST", Review, "{}"))["status"]!["userInfo"]!;
        Assert.Equal("system:bootstrap:abcdef", (string?)user["username"]);
        Assert.Equal(["system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token", "system:authenticated"], user["groups"]!.AsArray().Select(group => (string?)group));
        await api.DoAsync("GET", "/apis/certificates.k8s.io/v1/certificatesigningrequests");
        Assert.Equal(403, (await api.SendAsync("GET", "/api/v1/namespaces/kube-system/secrets")).Code);
        Assert.Equal(403, (await api.SendAsync("POST", "/api/v1/nodes", """{"metadata":{"name":"n"}}""")).Code);
    }

    [Fact]
    public async Task Nobody_ReadsWhoTheClusterIs_AndNothingBesideIt()
    {
        await using var server = await TestApiServer.StartAsync();
        var admin = new Api(server.Client);
        foreach (var name in (string[])["cluster-info", "other"]) await admin.DoAsync("POST", "/api/v1/namespaces/kube-public/configmaps", $$"""{"metadata":{"name":"{{name}}"} }""");
        using var client = new KubeClient(Configuration(server), "fairlead-test");
        var nobody = new Api(client);
        await nobody.DoAsync("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info");
        Assert.Equal(401, (await nobody.SendAsync("GET", "/api/v1/namespaces/kube-public/configmaps/other")).Code);
    }

    private static KubeClientConfiguration Configuration(TestApiServer server) =>
        new() { Server = new Uri($"https://{server.Address}"), CertificateAuthorities = [X509Certificate2.CreateFromPem(server.Authority.CertificatePem)] };

    private static KubeClient ClientOf(TestApiServer server, string token) => new(Configuration(server) with { BearerToken = token }, "fairlead-test");
}
