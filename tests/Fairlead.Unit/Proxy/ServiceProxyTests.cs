using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Proxy;
using Fairlead.Unit.ApiServer;
using Fairlead.Unit.Proxy.Apply;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Proxy;

/// <summary>From the API to packets.</summary>
public sealed class ServiceProxyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RunAsync_ServiceAndSlice_ServeUntilTheyGoAndOutliveTheProxy()
    {
        await using var lab = new ProxyLab(pods: 2);
        await using TestApiServer server = await TestApiServer.StartAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var proxy = new ServiceProxy(
            server.Client,
            new ServiceProxyOptions { NodeName = "node", NetworkNamespacePath = lab.NodePath, WatchInterval = TimeSpan.FromMilliseconds(20) },
            NullLogger<ServiceProxy>.Instance,
            TimeProvider.System);
        Assert.False(proxy.Status.IsHealthy);
        Task run = proxy.RunAsync(stop.Token);

        V1Service service = await server.Client.CreateAsync(ApiResources.Services, Service(), Cancel);
        V1EndpointSlice slice = await server.Client.CreateAsync(ApiResources.EndpointSlices, Slice(ProxyLab.Pod(1)), Cancel);
        string target = $"{service.Spec.ClusterIP}:80";
        await UntilAsync(lab, target, answer => answer == $"{ProxyLab.Pod(1)} {ProxyLab.Pod(2)}");
        // The kernel serves a moment before the proxy has noted that it does.
        await UntilAsync(lab, target, _ => proxy.Status.IsHealthy && proxy.Status.NetworkProgramming.Snapshot().Count > 0);

        await server.Client.DeleteAsync(ApiResources.EndpointSlices, ObjectKey.Of(slice), null, Cancel);
        await UntilAsync(lab, target, answer => answer == "ConnectionRefused");

        await server.Client.CreateAsync(ApiResources.EndpointSlices, Slice(ProxyLab.Pod(2)), Cancel);
        await UntilAsync(lab, target, answer => answer.StartsWith(ProxyLab.Pod(2), StringComparison.Ordinal));
        ServiceProxy.Cleanup(lab.NodePath);
        await UntilAsync(lab, target, answer => answer.StartsWith(ProxyLab.Pod(2), StringComparison.Ordinal));

        await stop.CancelAsync();
        await run;
        Assert.StartsWith(ProxyLab.Pod(2), await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(2)), target), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_ServiceCidrComesAndGoes_ItsUnusedAddressesAreRefusedMeanwhile()
    {
        await using var lab = new ProxyLab(pods: 2);
        await using TestApiServer server = await TestApiServer.StartAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var proxy = new ServiceProxy(server.Client, new ServiceProxyOptions { NodeName = "node", NetworkNamespacePath = lab.NodePath }, NullLogger<ServiceProxy>.Instance, TimeProvider.System);
        Task run = proxy.RunAsync(stop.Token);
        const string Unused = "10.97.3.4:80";
        await UntilAsync(lab, "10.96.3.4:80", answer => answer == "ConnectionRefused");
        await UntilAsync(lab, Unused, answer => answer != "ConnectionRefused");

        var range = new V1ServiceCIDR { Metadata = new V1ObjectMeta { Name = "more" }, Spec = new V1ServiceCIDRSpec { Cidrs = ["10.97.0.0/16"] } };
        await server.Client.CreateAsync(ApiResources.ServiceCidrs, range, Cancel);
        await UntilAsync(lab, Unused, answer => answer == "ConnectionRefused");
        await server.Client.DeleteAsync(ApiResources.ServiceCidrs, ObjectKey.Of(range), null, Cancel);
        await UntilAsync(lab, Unused, answer => answer != "ConnectionRefused");

        await stop.CancelAsync();
        await run;
    }

    private static async Task UntilAsync(ProxyLab lab, string target, Func<string, bool> condition)
    {
        CancellationToken deadline = ProxyLab.Deadline;
        while (true)
        {
            string answer;
            try
            {
                using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
                answer = await ProxyLab.TcpAsync(lab.Host(ProxyLab.Pod(2)), target, patience.Token);
            }
            catch (SocketException failure)
            {
                answer = failure.SocketErrorCode.ToString();
            }
            catch (OperationCanceledException)
            {
                answer = "";
            }
            if (condition(answer))
            {
                return;
            }
            deadline.ThrowIfCancellationRequested();
        }
    }

    private static V1Service Service() => new()
    {
        Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default" },
        Spec = new V1ServiceSpec { Ports = [new V1ServicePort { Port = 80, TargetPort = 8080, Protocol = "TCP" }] },
    };

    private static V1EndpointSlice Slice(string pod) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = "web-" + pod,
            NamespaceProperty = "default",
            Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = "web" },
            Annotations = new Dictionary<string, string>
            {
                ["endpoints.kubernetes.io/last-change-trigger-time"] = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture),
            },
        },
        AddressType = "IPv4",
        Ports = [new Discoveryv1EndpointPort { Name = "", Port = 8080, Protocol = "TCP" }],
        Endpoints = [new V1Endpoint { Addresses = [pod] }],
    };
}
