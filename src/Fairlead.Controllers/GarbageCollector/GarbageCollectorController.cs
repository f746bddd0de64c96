using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Discovery;
using Fairlead.Kube.Client;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.GarbageCollector;

/// <summary>Deletes what has lost all its owners, and carries out the orphan and foreground policies of deletions. Keys are UIDs.</summary>
internal sealed class GarbageCollectorController : KeyedController<string>
{
    /// <summary>How long a kind that cannot be listed may hold up the collector.</summary>
    private static readonly TimeSpan SyncPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DiscoveryRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DiscoveryPeriod = TimeSpan.FromSeconds(30);

    private readonly OwnerGraph _graph = new();
    private readonly KubeClient _client;
    private readonly KindCatalog _kinds;
    private readonly TimeProvider _time;
    private readonly OwnerResolver _owners;
    private readonly HashSet<ApiKind> _watched = [];

    public GarbageCollectorController(ControllerContext context)
        : base("garbagecollector", workers: 16, context.Log("GarbageCollector"), context.Time)
    {
        _client = context.Client;
        _kinds = context.Kinds;
        _time = context.Time;
        _owners = new OwnerResolver(_client, _kinds, _graph);
        foreach (var source in context.Caches.Sources) Follow(source);
    }

    public override async Task RunAsync(CancellationToken cancel)
    {
        var sources = new List<Task>();
        while (!await WatchNewKindsAsync(sources, cancel))
            await Task.Delay(DiscoveryRetry, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        sources.Add(base.RunAsync(cancel));
        try
        {
            using var timer = new PeriodicTimer(DiscoveryPeriod, _time);
            while (await timer.WaitForNextTickAsync(cancel)) await WatchNewKindsAsync(sources, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
        await Task.WhenAll(sources);
    }

    protected override async Task SyncAsync(string key, CancellationToken cancel)
    {
        if (_graph.Find(key) is not { } node) return;
        var dependents = _graph.DependentsOf(key);
        if (await DecideAsync(node.Key.Namespace, node.Meta, dependents, cancel) is { Verb: GarbageVerb.None }) return;
        // The caches of different kinds run at different speeds: what is done is decided on the object as it is now.
        var live = await _client.FindAsync(node.Kind.Metadata, node.Key.Namespace, node.Key.Name, cancel);
        if (live?.Metadata.Uid != key) return;
        var meta = ObjectMeta.From(live.Metadata);
        var action = await DecideAsync(node.Key.Namespace, meta, dependents, cancel);
        await ApplyAsync(node, live.Metadata, action, dependents, cancel);
    }

    private async Task<GarbageAction> DecideAsync(string ns, ObjectMeta meta, IReadOnlyCollection<GraphNode> dependents, CancellationToken cancel)
    {
        var states = meta.IsDeleting ? null : await _owners.ResolveAsync(ns, meta.Owners, cancel);
        return GarbagePlan.Decide(meta, owner => states![owner.Uid], dependents);
    }

    private Task ApplyAsync(GraphNode node, V1ObjectMeta live, GarbageAction action, IReadOnlyList<GraphNode> dependents, CancellationToken cancel) =>
        action.Verb switch
        {
            GarbageVerb.Delete => DeleteAsync(node, action.Policy, cancel),
            GarbageVerb.UnblockAndDelete => UnblockAndDeleteAsync(node, live, action.Policy, cancel),
            GarbageVerb.DropOwners => DropOwnersAsync(node.Kind, node.Key, live, action.Owners, cancel),
            GarbageVerb.Orphan => OrphanAsync(node, live, dependents, cancel),
            GarbageVerb.FinishForeground => RemoveFinalizerAsync(node, live, GarbagePlan.ForegroundFinalizer, cancel),
            GarbageVerb.AwaitDependents => LookAtAsync(dependents),
            _ => Task.CompletedTask,
        };

    private async Task DeleteAsync(GraphNode node, string policy, CancellationToken cancel)
    {
        var options = new V1DeleteOptions { PropagationPolicy = policy, Preconditions = new V1Preconditions { Uid = node.Meta.Uid } };
        if (await _client.DeleteAsync(node.Kind.Metadata, node.Key, options, cancel))
            GarbageLog.Deleted(Logger, node.Kind.Plural, node.Key.ToString(), policy);
    }

    private async Task UnblockAndDeleteAsync(GraphNode node, V1ObjectMeta live, string policy, CancellationToken cancel)
    {
        var owners = (live.OwnerReferences ?? []).Select(owner =>
        {
            var json = ToJson(owner);
            json["blockOwnerDeletion"] = false;
            return (JsonNode)json;
        });
        await PatchAsync(node.Kind, node.Key, live, "ownerReferences", new JsonArray([.. owners]), cancel);
        await DeleteAsync(node, policy, cancel);
    }

    private async Task OrphanAsync(GraphNode node, V1ObjectMeta live, IReadOnlyList<GraphNode> dependents, CancellationToken cancel)
    {
        await Task.WhenAll(dependents.Select(dependent => ReleaseAsync(dependent, node.Meta.Uid, cancel)));
        await RemoveFinalizerAsync(node, live, GarbagePlan.OrphanFinalizer, cancel);
    }

    private async Task ReleaseAsync(GraphNode dependent, string owner, CancellationToken cancel)
    {
        var live = await _client.FindAsync(dependent.Kind.Metadata, dependent.Key.Namespace, dependent.Key.Name, cancel);
        if (live?.Metadata.Uid != dependent.Meta.Uid) return;
        await DropOwnersAsync(dependent.Kind, dependent.Key, live.Metadata, [owner], cancel);
    }

    private Task DropOwnersAsync(ApiKind kind, Kube.ObjectKey key, V1ObjectMeta live, ValueList<string> owners, CancellationToken cancel)
    {
        var kept = new JsonArray();
        foreach (var owner in live.OwnerReferences ?? [])
        {
            if (!owners.Contains(owner.Uid)) kept.Add((JsonNode)ToJson(owner));
        }
        return PatchAsync(kind, key, live, "ownerReferences", kept, cancel);
    }

    private Task RemoveFinalizerAsync(GraphNode node, V1ObjectMeta live, string finalizer, CancellationToken cancel)
    {
        var kept = (live.Finalizers ?? []).Where(name => name != finalizer).Select(name => (JsonNode)name);
        return PatchAsync(node.Kind, node.Key, live, "finalizers", new JsonArray([.. kept]), cancel);
    }

    /// <summary>A merge patch replaces the list whole, so it names the version that the list was read at.</summary>
    private async Task PatchAsync(ApiKind kind, Kube.ObjectKey key, V1ObjectMeta live, string field, JsonArray value, CancellationToken cancel)
    {
        var meta = new JsonObject { ["uid"] = live.Uid, ["resourceVersion"] = live.ResourceVersion, [field] = value.Count == 0 ? null : value };
        try
        {
            await _client.PatchAsync(kind.Metadata, key, Patch.Merge(new JsonObject { ["metadata"] = meta }), null, cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // Gone meanwhile, which is where it was going.
        }
    }

    private Task LookAtAsync(IReadOnlyList<GraphNode> dependents)
    {
        foreach (var dependent in dependents)
        {
            if (!dependent.Meta.IsDeleting) Queue.Add(dependent.Meta.Uid);
        }
        return Task.CompletedTask;
    }

    private static JsonObject ToJson(V1OwnerReference owner)
    {
        var json = new JsonObject { ["apiVersion"] = owner.ApiVersion, ["kind"] = owner.Kind, ["name"] = owner.Name, ["uid"] = owner.Uid };
        if (owner.Controller is { } controller) json["controller"] = controller;
        if (owner.BlockOwnerDeletion is { } blocks) json["blockOwnerDeletion"] = blocks;
        return json;
    }

    private void Follow(IMetadataSource source)
    {
        _watched.Add(source.Kind);
        source.Changed += (key, old, now) =>
        {
            foreach (var uid in _graph.Apply(source.Kind, key, old, now)) Queue.Add(uid);
        };
    }

    /// <summary>Watches kinds that no controller caches. Events have no dependents and are too many to follow.</summary>
    private async Task<bool> WatchNewKindsAsync(List<Task> sources, CancellationToken cancel)
    {
        try
        {
            var fresh = (await _kinds.RefreshAsync(cancel)).Where(kind => kind.Kind != "Event" && !IsWatched(kind)).ToList();
            var started = fresh.ConvertAll(kind => MetadataSource.Of(kind, _client, Logger, _time));
            foreach (var source in started)
            {
                Follow(source);
                sources.Add(source.RunAsync(cancel));
            }
            await Task.WhenAll(started.Select(source => source.Synced)).WaitAsync(SyncPatience, _time, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
        catch (TimeoutException)
        {
            GarbageLog.Unsynced(Logger, SyncPatience.TotalSeconds);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or System.Text.Json.JsonException)
        {
            GarbageLog.DiscoveryFailed(Logger, e.Message);
            return false;
        }
        return true;
    }

    private bool IsWatched(ApiKind kind) => _watched.Any(watched => watched.Group == kind.Group && watched.Plural == kind.Plural);
}

internal static partial class GarbageLog
{
    [LoggerMessage(3090, LogLevel.Debug, "{Resource} {Name}: all owners are gone; deleted ({Policy})")]
    public static partial void Deleted(ILogger log, string resource, string name, string policy);

    [LoggerMessage(3091, LogLevel.Warning, "some kinds could not be listed in {Seconds} s; going on without them")]
    public static partial void Unsynced(ILogger log, double seconds);

    [LoggerMessage(3092, LogLevel.Warning, "discovery failed: {Message}")]
    public static partial void DiscoveryFailed(ILogger log, string message);
}
