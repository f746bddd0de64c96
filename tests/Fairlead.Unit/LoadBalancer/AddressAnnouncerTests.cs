using System.Net;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Linux.Netlink.Route;
using Fairlead.LoadBalancer.Announce;
using Fairlead.Unit.ApiServer;
using Fairlead.Unit.Linux;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.LoadBalancer;

/// <summary>Two nodes' announcers, each in a namespace, and one API server.</summary>
public sealed class AddressAnnouncerTests
{
    private const string Address = "192.0.2.1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RunAsync_HolderDies_KernelForgetsAndTheOtherTakesOverThenGivesBackWhenExcluded()
    {
        await using TestApiServer server = await TestApiServer.StartAsync();
        await server.Client.CreateAsync(ApiResources.Namespaces, new V1Namespace { Metadata = new V1ObjectMeta { Name = "balancing" } }, Cancel);
        using var first = new TestNamespace("lb1");
        using var second = new TestNamespace("lb2");
        var spaces = new Dictionary<string, TestNamespace> { ["node1"] = first, ["node2"] = second };
        foreach (var name in spaces.Keys) await MakeReadyAsync(server.Client, name);
        await MakeServiceAsync(server.Client);
        var running = spaces.ToDictionary(pair => pair.Key, pair => Start(server.Client, pair.Key, pair.Value));

        var holder = await OneAnnouncesAsync(spaces);
        var other = spaces.Keys.Single(name => name != holder);

        // A dead one says nothing any more; its Lease stays, and the kernel's own clock takes the address away.
        await running[holder].StopAsync();
        var began = TimeProvider.System.GetTimestamp();
        await UntilAsync(() => Has(spaces[other]));
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(5));
        await UntilAsync(() => !Has(spaces[holder]));

        running[holder] = Start(server.Client, holder, spaces[holder]);
        await UntilAsync(() => Has(spaces[holder]) && !Has(spaces[other]));
        began = TimeProvider.System.GetTimestamp();
        await server.Client.PatchAsync(ApiResources.Nodes, new ObjectKey("", holder), Patch.Merge(new System.Text.Json.Nodes.JsonObject
        {
            ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["labels"] = new System.Text.Json.Nodes.JsonObject { ["node.kubernetes.io/exclude-from-external-load-balancers"] = "" } },
        }), null, Cancel);
        await UntilAsync(() => !Has(spaces[holder]) && Has(spaces[other]));
        Assert.True(TimeProvider.System.GetElapsedTime(began) < NodeLeases.Duration);

        foreach (var one in running.Values) await one.StopAsync();
    }

    private sealed record Running(Task Task, CancellationTokenSource Stopping)
    {
        public async Task StopAsync()
        {
            await Stopping.CancelAsync();
            await Task;
            Stopping.Dispose();
        }
    }

    private static Running Start(KubeClient client, string node, TestNamespace space)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var options = new AnnouncerOptions { NodeName = node, NodeAddress = IPAddress.Loopback, LeaseNamespace = "balancing", NetworkNamespacePath = space.Path };
        return new Running(new AddressAnnouncer(client, options, NullLoggerFactory.Instance, TimeProvider.System).RunAsync(stop.Token), stop);
    }

    private static bool Has(TestNamespace space)
    {
        using var routes = RouteSocket.Open(space.Network);
        return routes.ListAddresses().Any(found => found.Address.ToString() == Address);
    }

    private static async Task<string> OneAnnouncesAsync(Dictionary<string, TestNamespace> spaces)
    {
        await UntilAsync(() => spaces.Values.Count(Has) == 1);
        return spaces.Single(pair => Has(pair.Value)).Key;
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        while (!holds()) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, deadline.Token);
    }

    private static async Task MakeReadyAsync(KubeClient client, string name)
    {
        var node = await client.CreateAsync(ApiResources.Nodes, new V1Node { Metadata = new V1ObjectMeta { Name = name } }, Cancel);
        node.Status = new V1NodeStatus { Conditions = [new V1NodeCondition { Type = "Ready", Status = "True" }] };
        await client.ReplaceAsync(ApiResources.Nodes, node, "status", Cancel);
    }

    private static async Task MakeServiceAsync(KubeClient client)
    {
        var service = await client.CreateAsync(ApiResources.Services, new V1Service
        {
            Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default" },
            Spec = new V1ServiceSpec { Type = "LoadBalancer", Ports = [new V1ServicePort { Port = 80 }] },
        }, Cancel);
        service.Status = new V1ServiceStatus { LoadBalancer = new V1LoadBalancerStatus { Ingress = [new V1LoadBalancerIngress { Ip = Address }] } };
        await client.ReplaceAsync(ApiResources.Services, service, "status", Cancel);
    }
}
