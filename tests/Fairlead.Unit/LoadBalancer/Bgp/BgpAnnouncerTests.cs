using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.LoadBalancer.Announce;
using Fairlead.LoadBalancer.Bgp;
using Fairlead.Unit.ApiServer;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.LoadBalancer.Bgp;

/// <summary>A node's announcer between an API server and a scripted router.</summary>
public sealed class BgpAnnouncerTests
{
    private const string Route = "20C0000201";

    [Fact]
    public async Task RunAsync_NodeExcludedAndBack_RouteGoesAndComesAndAllIsCounted()
    {
        await using var server = await TestApiServer.StartAsync();
        using var peer = new ScriptedPeer();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var cancel = deadline.Token;
        await MakeAsync(server.Client, cancel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var bgp = new BgpOptions(64513, [new BgpPeer(peer.EndPoint, 64512)]);
        var announcer = new NodeAnnouncing(
            server.Client, new AnnouncerOptions { NodeName = "node1", NodeAddress = IPAddress.Parse("192.0.2.7"), Bgp = bgp }, NullLoggerFactory.Instance, TimeProvider.System);
        var running = announcer.RunAsync(stop.Token);

        await peer.EstablishAsync(cancel);
        Assert.EndsWith(Route, await peer.ExpectAsync(2, cancel), StringComparison.Ordinal);
        await LabelAsync(server.Client, "", cancel);
        Assert.Equal("0005" + Route + "0000", await peer.ExpectAsync(2, cancel));
        await LabelAsync(server.Client, null, cancel);
        Assert.EndsWith(Route, await peer.ExpectAsync(2, cancel), StringComparison.Ordinal);
        var metrics = announcer.Metrics();
        Assert.Contains($"metallb_bgp_session_up{{peer=\"{peer.EndPoint}\"}} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains($"metallb_bgp_updates_total{{peer=\"{peer.EndPoint}\"}} ", metrics, StringComparison.Ordinal);

        await stop.CancelAsync();
        Assert.Equal("0602", await peer.ExpectAsync(3, cancel));
        peer.Close();
        await running;
        Assert.Contains($"metallb_bgp_session_up{{peer=\"{peer.EndPoint}\"}} 0\n", announcer.Metrics(), StringComparison.Ordinal);
    }

    private static Task<V1Node> LabelAsync(KubeClient client, string? value, CancellationToken cancel) => client.PatchAsync(
        ApiResources.Nodes, new ObjectKey("", "node1"),
        Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["node.kubernetes.io/exclude-from-external-load-balancers"] = value } } }), null, cancel);

    private static async Task MakeAsync(KubeClient client, CancellationToken cancel)
    {
        var node = await client.CreateAsync(ApiResources.Nodes, new V1Node { Metadata = new V1ObjectMeta { Name = "node1" } }, cancel);
        node.Status = new V1NodeStatus { Conditions = [new V1NodeCondition { Type = "Ready", Status = "True" }] };
        await client.ReplaceAsync(ApiResources.Nodes, node, "status", cancel);
        await client.CreateAsync(ApiResources.EndpointSlices, new V1EndpointSlice
        {
            Metadata = new V1ObjectMeta { Name = "web-1", NamespaceProperty = "default", Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = "web" } },
            AddressType = "IPv4",
            Endpoints = [new V1Endpoint { Addresses = ["10.244.0.2"], NodeName = "node1" }],
        }, cancel);
        var service = await client.CreateAsync(ApiResources.Services, new V1Service
        {
            Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default" },
            Spec = new V1ServiceSpec { Type = "LoadBalancer", Ports = [new V1ServicePort { Port = 80 }] },
        }, cancel);
        service.Status = new V1ServiceStatus { LoadBalancer = new V1LoadBalancerStatus { Ingress = [new V1LoadBalancerIngress { Ip = "192.0.2.1" }] } };
        await client.ReplaceAsync(ApiResources.Services, service, "status", cancel);
    }
}
