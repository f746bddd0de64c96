using System.Net;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Cluster;

/// <summary>A Service that every node's agent serves itself, and the ports at which it does.</summary>
internal sealed record NodeService(ObjectKey Key, string Manager, IReadOnlyList<NodeServicePort> Ports)
{
    /// <summary>Where each node's DNS listens; the Service's port is 53.</summary>
    public const int DnsPort = 10053;

    public static readonly NodeService Dns = new(new ObjectKey("kube-system", "kube-dns"), "fairlead-dns", [new("dns", DnsPort, "UDP"), new("dns-tcp", DnsPort, "TCP")]);

    public static readonly NodeService Ingress = new(
        new ObjectKey("fairlead-system", "ingress"), "fairlead-ingress", [new("http", 10080, "TCP"), new("https", 10443, "TCP")]);
}

internal sealed record NodeServicePort(string Name, int Port, string Protocol);

/// <summary>
/// Puts what this node serves behind a Service: one EndpointSlice a node, written by its agent, ready while the part
/// is, and gone with the Node. A Service with a selector belongs to somebody else's pods, and is left alone.
/// </summary>
internal sealed class NodeEndpoint(KubeClient client, string node, IPAddress address, NodeService service, Task ready, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan UntilRegistered = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PatienceAtEnd = TimeSpan.FromMilliseconds(300);
    private readonly ObjectKey _key = new(service.Key.Namespace, $"{service.Key.Name}-{node}");

    public async Task RunAsync(CancellationToken cancel)
    {
        using var queue = new WorkQueue<ObjectKey>(time);
        var services = new Informer<V1Service, OwnService>(client, ApiResources.Services, OwnService.From, log, time, service.Key.Namespace, Named(service.Key.Name));
        var slices = new Informer<V1EndpointSlice, SliceState>(client, ApiResources.EndpointSlices, Present, log, time, service.Key.Namespace, Named(_key.Name));
        services.Changed += _ => queue.Add(_key);
        slices.Changed += _ => queue.Add(_key);
        var watching = new[] { services.RunAsync(cancel), slices.RunAsync(cancel) };
        try
        {
            await Task.WhenAll(services.Synced, slices.Synced, ready).WaitAsync(cancel);
            queue.Add(_key);
            await QueueWorkers.RunAsync("node endpoint", queue, (_, stop) => SyncAsync(queue, services, slices, stop), 1, log, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Asked to stop.
        }
        await Task.WhenAll(watching);
        if (slices.Items.ContainsKey(_key)) await WithdrawAsync();
    }

    private async Task SyncAsync(WorkQueue<ObjectKey> queue, Informer<V1Service, OwnService> services, Informer<V1EndpointSlice, SliceState> slices, CancellationToken cancel)
    {
        if (!services.Items.ContainsKey(service.Key)) return;
        var wanted = new SliceState(address.ToString(), Ready: true);
        slices.Items.TryGetValue(_key, out var there);
        if (there == wanted) return;
        // The agent registers its node at the same time.
        if (await client.FindAsync(ApiResources.Nodes, null, node, cancel) is not { } owner) queue.AddAfter(_key, UntilRegistered);
        else if (there is null) await client.CreateAsync(ApiResources.EndpointSlices, Slice(owner, true), cancel);
        else await client.ReplaceAsync(ApiResources.EndpointSlices, Slice(owner, true), null, cancel);
    }

    /// <summary>Tells the other nodes to send this one nothing more. A server that is gone too is not waited for.</summary>
    private async Task WithdrawAsync()
    {
        using var patience = new CancellationTokenSource(PatienceAtEnd, time);
        try
        {
            var owner = await client.GetAsync(ApiResources.Nodes, null, node, patience.Token);
            await client.ReplaceAsync(ApiResources.EndpointSlices, Slice(owner, false), null, patience.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or KubeApiException or HttpRequestException)
        {
            NodeEndpointLog.NotWithdrawn(log, _key.ToString(), e.Message);
        }
    }

    private V1EndpointSlice Slice(V1Node owner, bool isReady) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = _key.Name,
            NamespaceProperty = _key.Namespace,
            Labels = new Dictionary<string, string>
            {
                ["kubernetes.io/service-name"] = service.Key.Name,
                ["endpointslice.kubernetes.io/managed-by"] = service.Manager,
                ["k8s-app"] = service.Key.Name,
            },
            OwnerReferences = [new V1OwnerReference { ApiVersion = "v1", Kind = "Node", Name = node, Uid = owner.Metadata.Uid }],
            Annotations = new Dictionary<string, string>
            {
                ["endpoints.kubernetes.io/last-change-trigger-time"] = Timestamps.Micro(time.GetUtcNow()),
            },
        },
        AddressType = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4",
        Endpoints = [new V1Endpoint { Addresses = [address.ToString()], NodeName = node, Conditions = new V1EndpointConditions { Ready = isReady, Serving = isReady } }],
        Ports = [.. service.Ports.Select(port => new Discoveryv1EndpointPort { Name = port.Name, Port = port.Port, Protocol = port.Protocol })],
    };

    private SliceState Present(V1EndpointSlice slice) =>
        slice is { Endpoints: [{ Addresses: [var there], Conditions.Ready: var isReady }] }
            && (slice.Ports ?? []).Select(port => new NodeServicePort(port.Name, port.Port ?? 0, port.Protocol)).SequenceEqual(service.Ports)
            ? new SliceState(there, isReady ?? true)
            : new SliceState("", false);

    private static ListOptions Named(string name) => new() { FieldSelector = $"metadata.name={name}" };

    /// <summary>The Service, where it has no selector.</summary>
    private sealed record OwnService
    {
        public static OwnService? From(V1Service service) => service.Spec?.Selector is null or { Count: 0 } ? new OwnService() : null;
    }

    /// <summary>What of the slice may have been changed by others.</summary>
    private sealed record SliceState(string Address, bool Ready);
}

internal static partial class NodeEndpointLog
{
    [LoggerMessage(7900, LogLevel.Debug, "{Slice} still says ready: {Reason}")]
    public static partial void NotWithdrawn(ILogger log, string slice, string reason);
}
