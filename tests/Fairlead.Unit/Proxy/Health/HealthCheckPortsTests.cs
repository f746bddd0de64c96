using System.Net;
using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.Proxy.Health;
using Fairlead.Unit.Linux;
using Xunit;

namespace Fairlead.Unit.Proxy.Health;

public sealed class HealthCheckPortsTests
{
    private const ushort Port = 31999;
    private static readonly ObjectKey s_web = new("default", "web");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static HttpClient Client(TestNamespace node) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (context, cancel) => new NetworkStream(await node.Network.ConnectTcpAsync(new IPEndPoint(IPAddress.Loopback, context.DnsEndPoint.Port), cancel), ownsSocket: true),
        PooledConnectionLifetime = TimeSpan.Zero,
    });

    private static TestNamespace Node()
    {
        var node = new TestNamespace("health");
        using Fairlead.Linux.Netlink.Route.RouteSocket routes = Fairlead.Linux.Netlink.Route.RouteSocket.Open(node.Network);
        routes.SetUp(routes.IndexOf("lo"));
        return node;
    }

    [Fact]
    public async Task Answer_EndpointsComeAndGo_SaysSo()
    {
        using TestNamespace node = Node();
        var status = new ProxyStatus(TimeProvider.System);
        await using var ports = new HealthCheckPorts(status, point => node.Network.ListenTcp(point));
        using HttpClient http = Client(node);

        Assert.Null(await ports.SetAsync(s_web, new HealthCheck(Port, 2)));
        using HttpResponseMessage unsynced = await http.GetAsync($"http://node:{Port}/", Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, unsynced.StatusCode);

        status.Updated();
        using HttpResponseMessage two = await http.GetAsync($"http://node:{Port}/healthz", Cancel);
        Assert.Equal(HttpStatusCode.OK, two.StatusCode);
        Assert.Equal("2", Assert.Single(two.Headers.GetValues("X-Load-Balancing-Endpoint-Weight")));
        Assert.Equal(
            "{\"service\":{\"namespace\":\"default\",\"name\":\"web\"},\"localEndpoints\":2,\"serviceProxyHealthy\":true}",
            string.Concat((await two.Content.ReadAsStringAsync(Cancel)).Where(c => !char.IsWhiteSpace(c))));

        await ports.SetAsync(s_web, new HealthCheck(Port, 0));
        using HttpResponseMessage none = await http.GetAsync($"http://node:{Port}/", Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, none.StatusCode);
        Assert.Contains("\"localEndpoints\": 0", await none.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);

        await ports.SetAsync(s_web, null);
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync($"http://node:{Port}/", Cancel));
    }

    [Fact]
    public async Task Set_PortTaken_SaysWhyAndSucceedsLater()
    {
        using TestNamespace node = Node();
        await using var ports = new HealthCheckPorts(new ProxyStatus(TimeProvider.System), point => node.Network.ListenTcp(point));
        using (node.Network.ListenTcp(new IPEndPoint(IPAddress.Any, Port)))
        {
            Assert.Contains("in use", await ports.SetAsync(s_web, new HealthCheck(Port, 1)), StringComparison.Ordinal);
        }
        Assert.Null(await ports.SetAsync(s_web, new HealthCheck(Port, 1)));
    }
}
