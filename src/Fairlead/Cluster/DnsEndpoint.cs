using System.Globalization;
using System.Net;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Cluster;

/// <summary>
/// Puts this node's DNS behind the Service kube-system/kube-dns: one EndpointSlice a node, written by its agent, ready while the DNS
/// is, and gone with the Node. A Service with a selector belongs to somebody else's DNS, and is left alone.
/// </summary>
internal sealed class DnsEndpoint(KubeClient client, string node, IPAddress address, Task ready, ILogger log, TimeProvider time)
{
    /// <summary>Where each node's DNS listens; the Service's port is 53.</summary>
    public const int Port = 10053;

    private const string Namespace = "kube-system";
    private const string Service = "kube-dns";
    private const string Manager = "fairlead-dns";
    private static readonly TimeSpan UntilRegistered = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PatienceAtEnd = TimeSpan.FromMilliseconds(300);
    private readonly ObjectKey _key = new(Namespace, $"{Service}-{node}");

    public async Task RunAsync(CancellationToken cancel)
    {
        using var queue = new WorkQueue<ObjectKey>(time);
        var services = new Informer<V1Service, OwnService>(client, ApiResources.Services, OwnService.From, log, time, Namespace, Named(Service));
        var slices = new Informer<V1EndpointSlice, SliceState>(client, ApiResources.EndpointSlices, SliceState.From, log, time, Namespace, Named(_key.Name));
        services.Changed += _ => queue.Add(_key);
        slices.Changed += _ => queue.Add(_key);
        var watching = new[] { services.RunAsync(cancel), slices.RunAsync(cancel) };
        try
        {
            await Task.WhenAll(services.Synced, slices.Synced, ready).WaitAsync(cancel);
            queue.Add(_key);
            await QueueWorkers.RunAsync("dns endpoint", queue, (_, stop) => SyncAsync(queue, services, slices, stop), 1, log, cancel);
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
        if (!services.Items.ContainsKey(new ObjectKey(Namespace, Service))) return;
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
            DnsEndpointLog.NotWithdrawn(log, _key.ToString(), e.Message);
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
                ["kubernetes.io/service-name"] = Service,
                ["endpointslice.kubernetes.io/managed-by"] = Manager,
                ["k8s-app"] = Service,
            },
            OwnerReferences = [new V1OwnerReference { ApiVersion = "v1", Kind = "Node", Name = node, Uid = owner.Metadata.Uid }],
            Annotations = new Dictionary<string, string>
            {
                ["endpoints.kubernetes.io/last-change-trigger-time"] = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
            },
        },
        AddressType = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4",
        Endpoints = [new V1Endpoint { Addresses = [address.ToString()], NodeName = node, Conditions = new V1EndpointConditions { Ready = isReady, Serving = isReady } }],
        Ports =
        [
            new Discoveryv1EndpointPort { Name = "dns", Port = Port, Protocol = "UDP" },
            new Discoveryv1EndpointPort { Name = "dns-tcp", Port = Port, Protocol = "TCP" },
        ],
    };

    private static ListOptions Named(string name) => new() { FieldSelector = $"metadata.name={name}" };

    /// <summary>The Service, where it has no selector.</summary>
    private sealed record OwnService
    {
        public static OwnService? From(V1Service service) => service.Metadata.Name == Service && service.Spec?.Selector is null or { Count: 0 } ? new OwnService() : null;
    }

    /// <summary>What of the slice may have been changed by others.</summary>
    private sealed record SliceState(string Address, bool Ready)
    {
        public static SliceState From(V1EndpointSlice slice) =>
            slice is { Endpoints: [{ Addresses: [var address], Conditions.Ready: var ready }], Ports: [{ Port: Port }, { Port: Port }] }
                ? new SliceState(address, ready ?? true)
                : new SliceState("", false);
    }
}

internal static partial class DnsEndpointLog
{
    [LoggerMessage(7900, LogLevel.Debug, "{Slice} still says ready: {Reason}")]
    public static partial void NotWithdrawn(ILogger log, string slice, string reason);
}
