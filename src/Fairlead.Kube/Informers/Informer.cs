using System.Collections.Immutable;
using Fairlead.Kube.Client;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Kube.Informers;

/// <summary>One difference between two snapshots; <c>Old</c> is null for a new object, <c>New</c> for one that is gone.</summary>
public readonly record struct InformerChange<TItem>(ObjectKey Key, TItem? Old, TItem? New) where TItem : class;

/// <summary>
/// A list-watch cache of one kind that keeps only what <paramref name="project"/> returns (null leaves the object out).
/// Readers take <see cref="Items"/>, an immutable snapshot. <see cref="Changed"/> is raised in order, from one task, after
/// the snapshot holds the change; an item equal to the one before raises nothing, so give items value equality.
/// </summary>
public sealed class Informer<T, TItem>(
    KubeClient client, ApiResource<T> resource, Func<T, TItem?> project, ILogger log, TimeProvider time,
    string? ns = null, ListOptions? options = null)
    where T : class, IKubernetesObject<V1ObjectMeta>
    where TItem : class
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(10);

    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ListOptions _options = options ?? ListOptions.All;
    private string _namespace = "";
    private ImmutableDictionary<ObjectKey, TItem> _items = ImmutableDictionary<ObjectKey, TItem>.Empty;

    public ImmutableDictionary<ObjectKey, TItem> Items => Volatile.Read(ref _items);

    /// <summary>Completes when the first list is in <see cref="Items"/> and its changes have been raised.</summary>
    public Task Synced => _synced.Task;

    public event Action<InformerChange<TItem>>? Changed;

    /// <summary>Lists and watches until cancelled; a failure is logged and tried again with back-off, from the last version seen.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var backOff = FirstBackOff;
        string? version = null;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                version ??= await ListAsync(cancel);
                _synced.TrySetResult();
                await foreach (var change in client.WatchAsync(resource, ns, _options, version, cancel))
                {
                    version = change.Object.Metadata.ResourceVersion;
                    Apply(change);
                    backOff = FirstBackOff;
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (KubeApiException e) when (e.IsGone)
            {
                InformerLog.Relisting(log, resource.Plural, e.Message);
                version = null;
            }
            catch (Exception e)
            {
                // Whatever it was: a cache that stood still would go unnoticed.
                InformerLog.Interrupted(log, resource.Plural, e.Message, backOff.TotalMilliseconds);
                await Task.Delay(backOff, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                backOff = backOff * 2 < LongestBackOff ? backOff * 2 : LongestBackOff;
            }
        }
    }

    private async Task<string> ListAsync(CancellationToken cancel)
    {
        var fresh = ImmutableDictionary.CreateBuilder<ObjectKey, TItem>();
        var version = await client.ListEachAsync(resource, ns, _options, obj =>
        {
            if (project(obj) is { } item) fresh[Key(obj)] = item;
        }, cancel);
        Swap(fresh.ToImmutable());
        return version;
    }

    /// <summary>Objects come by namespace, and share the text of its name.</summary>
    private ObjectKey Key(T obj)
    {
        var key = ObjectKey.Of(obj);
        if (key.Namespace != _namespace) _namespace = key.Namespace;
        return key with { Namespace = _namespace };
    }

    private void Swap(ImmutableDictionary<ObjectKey, TItem> fresh)
    {
        var old = _items;
        Volatile.Write(ref _items, fresh);
        foreach (var (key, item) in old)
        {
            if (!fresh.ContainsKey(key)) Changed?.Invoke(new InformerChange<TItem>(key, item, null));
        }
        foreach (var (key, item) in fresh)
        {
            var before = old.GetValueOrDefault(key);
            if (!item.Equals(before)) Changed?.Invoke(new InformerChange<TItem>(key, before, item));
        }
    }

    private void Apply(WatchEvent<T> change)
    {
        if (change.Type == WatchEventType.Bookmark) return;
        var key = Key(change.Object);
        var before = _items.GetValueOrDefault(key);
        var now = change.Type == WatchEventType.Deleted ? null : project(change.Object);
        if (Equals(before, now)) return;
        Volatile.Write(ref _items, now is null ? _items.Remove(key) : _items.SetItem(key, now));
        Changed?.Invoke(new InformerChange<TItem>(key, before, now));
    }
}

internal static partial class InformerLog
{
    [LoggerMessage(6001, LogLevel.Information, "{Resource}: listing anew: {Reason}")]
    public static partial void Relisting(ILogger log, string resource, string reason);

    [LoggerMessage(6002, LogLevel.Warning, "{Resource}: watch interrupted: {Reason}; trying again in {Milliseconds} ms")]
    public static partial void Interrupted(ILogger log, string resource, string reason, double milliseconds);
}
