using System.Net;
using Fairlead.Kube.Client;
using Xunit;

namespace Fairlead.Unit.Kube;

public sealed class TokenFileTests : IDisposable
{
    private const string Kubeconfig = """
        apiVersion: v1
        kind: Config
        current-context: in
        contexts: [ { name: in, context: { cluster: in, user: in } } ]
        clusters: [ { name: in, cluster: { server: "https://10.96.0.1" } } ]
        users: [ { name: other, user: { token: x } }, { name: in, user: { tokenFile: token } } ]
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-token-").FullName;

    private string Token => Path.Combine(_folder, "token");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Kubeconfig_WithATokenFileBesideIt_IsRead()
    {
        var config = Write("one\n");

        Assert.Equal((Token, "one"), (config.BearerTokenFile, config.BearerToken));
    }

    [Fact]
    public void Kubeconfig_WhoseTokenFileIsMissing_SaysSo()
    {
        File.WriteAllText(Path.Combine(_folder, "config"), Kubeconfig);

        Assert.Contains(Token, Assert.Throws<KubeClientConfigurationException>(() => KubeClientConfiguration.FromFile(Path.Combine(_folder, "config"))).Message);
    }

    [Fact]
    public async Task Request_AfterTheTokenWasRenewed_CarriesTheNewOne()
    {
        Write("one\n");
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var seen = new List<string?>();
        using var client = new HttpClient(new TokenFileHandler(Token, time, new Listener(seen))) { BaseAddress = new Uri("http://server") };

        await client.GetAsync("/", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Token, "two", TestContext.Current.CancellationToken);
        await client.GetAsync("/", TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromMinutes(1));
        await client.GetAsync("/", TestContext.Current.CancellationToken);
        File.Delete(Token);
        time.Advance(TimeSpan.FromMinutes(1));
        await client.GetAsync("/", TestContext.Current.CancellationToken);

        Assert.Equal(["Bearer one", "Bearer one", "Bearer two", "Bearer two"], seen);
    }

    private KubeClientConfiguration Write(string token)
    {
        File.WriteAllText(Path.Combine(_folder, "config"), Kubeconfig);
        File.WriteAllText(Token, token);
        return KubeClientConfiguration.FromFile(Path.Combine(_folder, "config"));
    }

    private sealed class Listener(List<string?> seen) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            seen.Add(request.Headers.Authorization?.ToString());
            return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
        }
    }
}
