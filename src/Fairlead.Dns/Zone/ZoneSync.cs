using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using Fairlead.Linux.Processes;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Zone;

/// <summary>Keeps the zone equal to what the API says: events enqueue keys, one worker builds the next snapshot from all that wait.</summary>
internal sealed class ZoneSync : IDisposable
{
    private readonly ZoneHolder _holder;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly WorkQueue<ZoneKey> _queue;
    private readonly Informer<V1Service, ServiceInfo> _services;

    /// <summary>By two selectors that no slice matches both of: most slices of a cluster match neither, and are never sent.</summary>
    private readonly SliceSource[] _slices;
    private readonly Informer<V1Namespace, string> _namespaces;

    /// <summary>Null where pods are not followed: they are many.</summary>
    private readonly Informer<V1Pod, PodInfo>? _pods;

    /// <summary>Pods as they are in the zone. Of the worker alone.</summary>
    private readonly Dictionary<ObjectKey, PodInfo> _podsInZone = [];

    internal ZoneSync(KubeClient client, ZoneHolder holder, ZoneOptions options, ILogger log, TimeProvider time)
    {
        (_holder, _log, _time) = (holder, log, time);
        _queue = new WorkQueue<ZoneKey>(time);
        _services = new(client, ApiResources.Services, ServiceInfo.From, log, time);
        _slices = [Slices(SliceInfo.OfHeadless), Slices(SliceInfo.OfOthers)];
        _namespaces = new(client, ApiResources.Namespaces, found => found.Metadata.Name, log, time);
        _services.Changed += change => _queue.Add(new ZoneKey(ZoneKind.Service, change.Key));
        _namespaces.Changed += change => _queue.Add(new ZoneKey(ZoneKind.Namespace, change.Key));
        if (options.FollowPods || options.Pods == PodNames.Verified)
        {
            ListOptions? some = options.PodsOnNode is { } node ? new ListOptions { FieldSelector = $"spec.nodeName={node}" } : null;
            _pods = new(client, ApiResources.Pods, PodInfo.From, log, time, options: some);
            _pods.Changed += change => _queue.Add(new ZoneKey(ZoneKind.Pod, change.Key));
        }

        SliceSource Slices(string selector) => new(
            new Informer<V1EndpointSlice, SliceInfo>(client, ApiResources.EndpointSlices, SliceInfo.From, log, time, options: new ListOptions { LabelSelector = selector }),
            service => _queue.Add(new ZoneKey(ZoneKind.Service, service)));
    }

    /// <param name="ready">Called when all that the API server has at the start is in the zone.</param>
    internal async Task RunAsync(Action ready, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task[] tasks =
        [
            _services.RunAsync(stop.Token), _namespaces.RunAsync(stop.Token), WorkAsync(ready, stop.Token),
            .. _slices.Select(source => source.RunAsync(stop.Token)),
            .. _pods is null ? Array.Empty<Task>() : [_pods.RunAsync(stop.Token)],
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

    public void Dispose() => _queue.Dispose();

    private async Task WorkAsync(Action ready, CancellationToken cancel)
    {
        try
        {
            await Task.WhenAll([_services.Synced, _namespaces.Synced, _pods?.Synced ?? Task.CompletedTask, .. _slices.Select(source => source.Synced)]).WaitAsync(cancel);
            while (true)
            {
                if (_queue.Count == 0 && !_holder.Current.IsComplete)
                {
                    _holder.Current = _holder.Current.Complete(Serial());
                    ZoneLog.Synced(_log, _holder.Current.ServiceCount);
                    ready();
                    // What the first lists left behind is many times the zone, and hardly anything is allocated from now on that would have it collected.
                    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                    ProgramPages.GiveBack();
                }
                Sync(await TakeAllAsync(cancel));
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    private async Task<IReadOnlyList<ZoneKey>> TakeAllAsync(CancellationToken cancel)
    {
        var keys = new List<ZoneKey> { await _queue.TakeAsync(cancel) };
        while (_queue.Count > 0)
        {
            keys.Add(await _queue.TakeAsync(cancel));
        }
        return keys;
    }

    private void Sync(IReadOnlyList<ZoneKey> keys)
    {
        ZoneSnapshot next = _holder.Current;
        foreach (ZoneKey key in keys)
        {
#pragma warning disable CA1031 // The one ladder of a key: it comes back, the process lives.
            try
            {
                next = Next(next, key);
                _queue.Forget(key);
            }
            catch (Exception failure)
            {
                ZoneLog.SyncFailed(_log, failure, key.ToString());
                _queue.AddWithBackOff(key);
            }
            finally
            {
                _queue.Done(key);
            }
#pragma warning restore CA1031
        }
        _holder.Current = next;
    }

    private ZoneSnapshot Next(ZoneSnapshot zone, ZoneKey key)
    {
        switch (key.Kind)
        {
            case ZoneKind.Namespace:
                return zone.WithNamespace(key.Key.Name, _namespaces.Items.ContainsKey(key.Key), Serial());
            case ZoneKind.Service:
                return zone.WithService(key.Key, _services.Items.GetValueOrDefault(key.Key), [.. _slices.SelectMany(source => source.Of(key.Key))], Serial());
            default:
                PodInfo? now = _pods!.Items.GetValueOrDefault(key.Key);
                zone = zone.WithPod(key.Key, _podsInZone.GetValueOrDefault(key.Key), now);
                if (now is null)
                {
                    _podsInZone.Remove(key.Key);
                }
                else
                {
                    _podsInZone[key.Key] = now;
                }
                return zone;
        }
    }

    private uint Serial() => (uint)_time.GetUtcNow().ToUnixTimeSeconds();
}

internal enum ZoneKind
{
    Service,
    Namespace,
    Pod,
}

/// <summary>An object whose part of the zone is to be made anew.</summary>
internal readonly record struct ZoneKey(ZoneKind Kind, ObjectKey Key)
{
    public override string ToString() => $"{Kind} {Key}";
}

internal static partial class ZoneLog
{
    [LoggerMessage(7000, LogLevel.Information, "{Services} services have names")]
    internal static partial void Synced(ILogger logger, int services);

    [LoggerMessage(7001, LogLevel.Error, "{Key}: the records failed; trying again")]
    internal static partial void SyncFailed(ILogger logger, Exception failure, string key);
}
