using Fairlead.Dns.Server;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Zone;

/// <summary>Keeps the zone equal to what the API says: events enqueue keys, one worker builds the next snapshot from all that wait.</summary>
internal sealed class ZoneSync(KubeClient client, ZoneHolder holder, ILogger log, TimeProvider time)
{
    private readonly SliceIndex _slices = new();

    /// <param name="ready">Called when all that the API server has at the start is in the zone.</param>
    internal async Task RunAsync(Action ready, CancellationToken cancel)
    {
        // A key without a namespace is a namespace's.
        using var queue = new WorkQueue<ObjectKey>(time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var services = new Informer<V1Service, ServiceInfo>(client, ApiResources.Services, ServiceInfo.From, log, time);
        var slices = new Informer<V1EndpointSlice, SliceInfo>(client, ApiResources.EndpointSlices, SliceInfo.From, log, time);
        var namespaces = new Informer<V1Namespace, string>(client, ApiResources.Namespaces, found => found.Metadata.Name, log, time);
        services.Changed += change => queue.Add(change.Key);
        namespaces.Changed += change => queue.Add(change.Key);
        slices.Changed += change =>
        {
            _slices.Change(change.Key, change.Old, change.New);
            foreach (SliceInfo? slice in (ReadOnlySpan<SliceInfo?>)[change.Old, change.New])
            {
                if (slice is not null)
                {
                    queue.Add(slice.Service);
                }
            }
        };
        Task[] tasks =
        [
            services.RunAsync(stop.Token), slices.RunAsync(stop.Token), namespaces.RunAsync(stop.Token),
            WorkAsync(queue, services, slices, namespaces, ready, stop.Token),
        ];
        try
        {
            // Each runs until it is cancelled; one that fails ends the others.
            await Task.WhenAny(tasks);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(tasks);
        }
    }

    private async Task WorkAsync(
        WorkQueue<ObjectKey> queue, Informer<V1Service, ServiceInfo> services, Informer<V1EndpointSlice, SliceInfo> slices,
        Informer<V1Namespace, string> namespaces, Action ready, CancellationToken cancel)
    {
        try
        {
            await Task.WhenAll(services.Synced, slices.Synced, namespaces.Synced).WaitAsync(cancel);
            while (true)
            {
                if (queue.Count == 0 && !holder.Current.IsComplete)
                {
                    holder.Current = holder.Current.Complete(Serial());
                    ZoneLog.Synced(log, holder.Current.ServiceCount);
                    ready();
                    // What the first lists left behind is many times the zone, and hardly anything is allocated from now on that would have it collected.
                    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                }
                Sync(queue, await TakeAllAsync(queue, cancel), services, namespaces);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    private static async Task<IReadOnlyList<ObjectKey>> TakeAllAsync(WorkQueue<ObjectKey> queue, CancellationToken cancel)
    {
        var keys = new List<ObjectKey> { await queue.TakeAsync(cancel) };
        while (queue.Count > 0)
        {
            keys.Add(await queue.TakeAsync(cancel));
        }
        return keys;
    }

    private void Sync(
        WorkQueue<ObjectKey> queue, IReadOnlyList<ObjectKey> keys, Informer<V1Service, ServiceInfo> services, Informer<V1Namespace, string> namespaces)
    {
        ZoneSnapshot next = holder.Current;
        foreach (ObjectKey key in keys)
        {
#pragma warning disable CA1031 // The one ladder of a key: it comes back, the process lives.
            try
            {
                next = key.Namespace.Length == 0
                    ? next.WithNamespace(key.Name, namespaces.Items.ContainsKey(key), Serial())
                    : next.WithService(key, services.Items.GetValueOrDefault(key), _slices.Of(key), Serial());
                queue.Forget(key);
            }
            catch (Exception failure)
            {
                ZoneLog.SyncFailed(log, failure, key.ToString());
                queue.AddWithBackOff(key);
            }
            finally
            {
                queue.Done(key);
            }
#pragma warning restore CA1031
        }
        holder.Current = next;
    }

    private uint Serial() => (uint)time.GetUtcNow().ToUnixTimeSeconds();
}

internal static partial class ZoneLog
{
    [LoggerMessage(7000, LogLevel.Information, "{Services} services have names")]
    internal static partial void Synced(ILogger logger, int services);

    [LoggerMessage(7001, LogLevel.Error, "{Key}: the records failed; trying again")]
    internal static partial void SyncFailed(ILogger logger, Exception failure, string key);
}
