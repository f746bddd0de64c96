using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Fairlead.ApiServer.HTTP.Tunnels;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Client;
using Fairlead.Node.Tunnel;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>The way to a kubelet API that only its own agent can open.</summary>
public sealed class TunnelTests : ApiTest
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly CancellationTokenSource _stop = new();
    private readonly TcpListener _kubelet = new(IPAddress.Loopback, 0);

    private int Port => ((IPEndPoint)_kubelet.LocalEndpoint).Port;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _kubelet.Start();
        // Nobody is at that address: it is reserved for documentation.
        await Requests.DoAsync("POST", "/api/v1/nodes", $$$"""
            {"metadata":{"name":"n1"},"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.99"}],"daemonEndpoints":{"kubeletEndpoint":{"Port":{{{Port}}} } } } }
            """);
    }

    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _kubelet.Stop();
        await base.DisposeAsync();
        _stop.Dispose();
    }

    [Theory]
    [InlineData("/fairlead/nodes/n1/tunnel", "n1", "")]
    [InlineData("/fairlead/nodes/n1/tunnel/abc", "n1", "abc")]
    [InlineData("/fairlead/nodes/n1", null, null)]
    [InlineData("/fairlead/nodes//tunnel", null, null)]
    [InlineData("/fairlead/nodes/n1/tunnel/a/b", null, null)]
    public void Path_OfATunnel_IsRead(string path, string? node, string? id)
    {
        Assert.Equal(node is not null, AgentTunnels.TryParse(path, out var foundNode, out var foundId));
        Assert.Equal((node, id), (foundNode, foundId));
    }

    [Fact]
    public async Task Tunnel_HeldByTheNode_CarriesWhatTheServerWants()
    {
        using var agent = Client("n1");
        var serving = ServeAsync("n1");
        var holding = new ServerTunnel(agent, "n1", Port, NullLogger.Instance, TimeProvider.System).RunAsync(_stop.Token);
        Assert.Equal("hello", await UntilAnsweredAsync());
        await _stop.CancelAsync();
        await holding;
        await serving;
    }

    [Fact]
    public async Task Tunnel_AnotherNodeAnswers_IsNotBelieved()
    {
        using var agent = Client("n1");
        var serving = ServeAsync("n2");
        var holding = new ServerTunnel(agent, "n1", Port, NullLogger.Instance, TimeProvider.System).RunAsync(_stop.Token);
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            using var answer = await Server.Client.Http.GetAsync("/api/v1/nodes/n1/proxy/healthz", TestContext.Current.CancellationToken);
            Assert.False(answer.IsSuccessStatusCode);
            if ((await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Contains("certificate", StringComparison.Ordinal)) break;
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Deadline, "not in time");
        }
        await _stop.CancelAsync();
        await holding;
        await serving;
    }

    [Theory]
    [InlineData("n2", 403)]
    [InlineData("n1", 400)]
    public async Task Tunnel_OfAnother_IsForbidden(string node, int code)
    {
        using var client = Client(node);
        using var answer = await client.Http.GetAsync("/fairlead/nodes/n1/tunnel", TestContext.Current.CancellationToken);
        Assert.Equal(code, (int)answer.StatusCode);
    }

    private KubeClient Client(string node) => TestApiServer.ClientFor(Server.Authority, Server.Address, User.NodeNamePrefix + node, User.Nodes);

    /// <summary>Until the agent's tunnel is there, the node is out of reach.</summary>
    private async Task<string> UntilAnsweredAsync()
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            using var answer = await Server.Client.Http.GetAsync("/api/v1/nodes/n1/proxy/healthz", TestContext.Current.CancellationToken);
            var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            if (answer.IsSuccessStatusCode) return text;
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Deadline, text);
        }
    }

    /// <summary>A kubelet API that answers everything with hello, and shows the certificate of that node.</summary>
    private async Task ServeAsync(string node)
    {
        using var certificate = Server.Authority.Issue(User.NodeNamePrefix + node, [User.Nodes], [node]).ToX509();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await _kubelet.AcceptTcpClientAsync(_stop.Token);
                await using var secure = new SslStream(client.GetStream());
                await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, _stop.Token);
                await secure.ReadAtLeastAsync(new byte[4096], 1, throwOnEndOfStream: false, _stop.Token);
                await secure.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"), _stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or global::System.Security.Authentication.AuthenticationException)
            {
                // The client did not like it, or the test is over.
            }
        }
    }
}
