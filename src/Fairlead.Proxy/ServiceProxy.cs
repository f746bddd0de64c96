using System.Collections.Concurrent;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy.Apply;
using Fairlead.Proxy.Health;
using Fairlead.Proxy.Plan;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy;

/// <summary>
/// Makes Services work on a node: watches Services and EndpointSlices and keeps nf_tables equal to what they say
/// (https://kubernetes.io/docs/reference/networking/virtual-ips/). When it ends, the rules stay and serve on.
/// </summary>
public sealed partial class ServiceProxy(KubeClient client, ServiceProxyOptions options, ILogger<ServiceProxy> logger, TimeProvider time)
{
    /// <summary>Stands in the queue for the look at what others did to the kernel; no object has such a key.</summary>
    private static readonly ObjectKey s_watchKey = new("", "");
    private readonly SliceIndex _slices = new();
    private readonly ConcurrentDictionary<ObjectKey, DateTimeOffset> _triggers = new();

    /// <summary>Health and latencies.</summary>
    public ProxyStatus Status { get; } = new(time);

    /// <summary>Deletes the proxy's rules.</summary>
    /// <exception cref="Fairlead.Linux.LinuxException">NotPermitted without root.</exception>
    public static void Cleanup(string? networkNamespacePath = null)
    {
        using KernelNfTables tables = networkNamespacePath is null
            ? KernelNfTables.Open()
            : NetworkNamespace.Run(networkNamespacePath, KernelNfTables.Open);
        ProxyKernel.Cleanup(tables);
    }

    /// <summary>What shows that a kube-proxy works in this namespace, for example "nf_tables table ip kube-proxy"; null: none does.</summary>
    /// <exception cref="Fairlead.Linux.LinuxException">NotPermitted without root.</exception>
    public static string? FindKubeProxy(string? networkNamespacePath = null)
    {
        static string? Here()
        {
            using KernelNfTables tables = KernelNfTables.Open();
            using RouteSocket routes = RouteSocket.Open();
            return OtherProxy.Find(tables, routes);
        }
        return networkNamespacePath is null ? Here() : NetworkNamespace.Run(networkNamespacePath, Here);
    }

    /// <summary>Runs until cancelled.</summary>
    /// <exception cref="Fairlead.Linux.LinuxException">The kernel's interfaces cannot be opened: no root, or no nf_tables.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using ProxyKernel kernel = ProxyKernel.Open(options, logger, time);
        using var queue = new WorkQueue<ObjectKey>(time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        DateTimeOffset started = time.GetUtcNow();
        var services = new Informer<V1Service, ServiceInfo>(client, ApiResources.Services, ServiceInfo.From, logger, time);
        var slices = new Informer<V1EndpointSlice, SliceInfo>(
            client, ApiResources.EndpointSlices, slice => SliceInfo.From(slice, options.NodeName), logger, time);
        // Of this node alone, for its zone.
        var nodes = new Informer<V1Node, NodeZone>(
            client, ApiResources.Nodes, NodeZone.From, logger, time, options: new ListOptions { FieldSelector = $"metadata.name={options.NodeName}" });
        var ranges = new ServiceRanges(client, logger, time);
        var events = new EventRecorder(client, "fairlead-proxy", options.NodeName, logger, time);
        await using var checks = new HealthCheckPorts(Status, Listener());
        services.Changed += change => Enqueue(queue, change.Key);
        ranges.Changed += () => queue.Add(s_watchKey);
        nodes.Changed += _ =>
        {
            foreach (ObjectKey key in services.Items.Keys)
            {
                Enqueue(queue, key);
            }
        };
        slices.Changed += change =>
        {
            _slices.Change(change.Key, change.Old, change.New);
            NoteTrigger(change, started);
            EnqueueOwner(queue, change.Old);
            EnqueueOwner(queue, change.New);
        };
        var sources = new Sources(services, slices, nodes, ranges, events, checks);
        Task[] tasks =
        [
            services.RunAsync(stop.Token), slices.RunAsync(stop.Token), nodes.RunAsync(stop.Token), ranges.RunAsync(stop.Token), events.RunAsync(stop.Token),
            WorkAsync(kernel, queue, sources, stop.Token),
        ];
        try
        {
            // Each runs until it is cancelled; one that fails ends the others. The rules stay, whatever the reason.
            await Task.WhenAny(tasks);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(tasks);
        }
    }

    private async Task WorkAsync(
        ProxyKernel kernel,
        WorkQueue<ObjectKey> queue,
        Sources sources,
        CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(sources.Services.Synced, sources.Slices.Synced, sources.Nodes.Synced, sources.Ranges.Synced).WaitAsync(cancellationToken);
            queue.Add(s_watchKey);
            while (true)
            {
                IReadOnlyList<ObjectKey> keys = await TakeAllAsync(queue, cancellationToken);
                kernel.Zone = sources.Nodes.Items.Values.FirstOrDefault()?.Zone;
                kernel.SetServiceNetworks([.. options.ServiceNetworks.Union(sources.Ranges.Networks)]);
                Sync(kernel, queue, keys, sources.Services);
                await FollowAsync(kernel, queue, keys, sources, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    private static async Task<IReadOnlyList<ObjectKey>> TakeAllAsync(WorkQueue<ObjectKey> queue, CancellationToken cancellationToken)
    {
        // Everything that waits goes into one transaction.
        var keys = new List<ObjectKey> { await queue.TakeAsync(cancellationToken) };
        while (queue.Count > 0)
        {
            keys.Add(await queue.TakeAsync(cancellationToken));
        }
        return keys;
    }

    private void Sync(ProxyKernel kernel, WorkQueue<ObjectKey> queue, IReadOnlyList<ObjectKey> keys, Informer<V1Service, ServiceInfo> services)
    {
        long start = time.GetTimestamp();
#pragma warning disable CA1031 // The one ladder of this loop: the keys come back, the process lives.
        try
        {
            kernel.Update([.. keys.Where(key => key != s_watchKey).Select(key => (key, services.Items.GetValueOrDefault(key), _slices.Of(key)))]);
            if (keys.Contains(s_watchKey))
            {
                kernel.Watch();
                queue.AddAfter(s_watchKey, options.WatchInterval);
            }
            foreach (ObjectKey key in keys)
            {
                queue.Forget(key);
                ObserveTrigger(key);
            }
            Status.Updated();
        }
        catch (Exception failure)
        {
            ProxyLog.SyncFailed(logger, failure, keys.Count, keys[0].ToString());
            Status.Pending();
            foreach (ObjectKey key in keys)
            {
                queue.AddWithBackOff(key);
            }
        }
        finally
        {
            foreach (ObjectKey key in keys)
            {
                queue.Done(key);
            }
        }
#pragma warning restore CA1031
        if (keys is not [var only] || only != s_watchKey)
        {
            Status.Sync.Observe(time.GetElapsedTime(start));
        }
    }

    private void Enqueue(WorkQueue<ObjectKey> queue, ObjectKey service)
    {
        Status.Pending();
        queue.Add(service);
    }

    private void EnqueueOwner(WorkQueue<ObjectKey> queue, SliceInfo? slice)
    {
        if (slice is not null)
        {
            Enqueue(queue, slice.Service);
        }
    }

    // Changes from before this process would tell of its start, not of the network's programming.
    private void NoteTrigger(InformerChange<SliceInfo> change, DateTimeOffset started)
    {
        if (change.New is { Trigger: { } trigger } slice && trigger > started && change.Old?.Trigger != trigger)
        {
            _triggers.TryAdd(slice.Service, trigger);
        }
    }

    private void ObserveTrigger(ObjectKey service)
    {
        if (_triggers.TryRemove(service, out DateTimeOffset trigger))
        {
            Status.NetworkProgramming.Observe(time.GetUtcNow() - trigger);
        }
    }
}
