using System.Collections.Concurrent;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;

namespace Fairlead.Controllers.Deployment;

/// <summary>Keeps each Deployment's ReplicaSets in step with its template and size.</summary>
internal sealed class DeploymentController : KeyedController<ObjectKey>
{
    /// <summary>How long a ReplicaSet that was created is waited for; one that somebody deleted at once never shows.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly TimeProvider _time;
    private readonly SelectorIndex _selectors = new();
    private readonly ClaimWriter _claims;
    private readonly DeploymentWriter _writer;

    /// <summary>By Deployment, the ReplicaSet last created and when: until the cache shows it, the next one would get its revision too.</summary>
    private readonly ConcurrentDictionary<ObjectKey, (string Name, long Since)> _created = new();

    public DeploymentController(ControllerContext context)
        : base("deployment", workers: 5, context.Log("Deployment"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _time = context.Time;
        _claims = new ClaimWriter(_client);
        _writer = new DeploymentWriter(_client, context.Recorder("deployment-controller"), (key, set) => _created[key] = (set, _time.GetTimestamp()));
        _caches.Deployments.Changed += change =>
        {
            _selectors.Apply(change.Key, change.Old?.Selector, change.New?.Selector);
            Queue.Add(change.Key);
        };
        _caches.ReplicaSets.Changed += Observe;
        _caches.Pods.Changed += Observe;
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (_caches.Deployments.Items.GetValueOrDefault(key) is not { } deployment || deployment.Selector.IsEmpty)
        {
            _created.TryRemove(key, out _);
            return;
        }
        if (Awaited(key) is { } patience)
        {
            Queue.AddAfter(key, patience);
            return;
        }
        // The times in the status are whole seconds; what is compared with them is too.
        var now = Timestamps.Whole(_time.GetUtcNow());
        var candidates = _caches.ReplicaSetIndex.OwnedBy(key.Namespace, deployment.Meta.Uid).Concat(_caches.ReplicaSetIndex.Orphans(key.Namespace));
        var claims = ClaimPlan.Decide(deployment.Meta, deployment.Selector, candidates, _ => true);
        var owner = Owner.Of(ApiResources.Deployments, deployment);
        await _claims.ApplyAsync(owner, ApiResources.ReplicaSets, claims.Adopt, claims.Release, stop => ReadAsync(key, stop), cancel);
        // Adopted ones have another version now; their own event brings the key back.
        if (claims.Adopt.Count > 0) return;
        var decision = DeploymentPlan.Decide(deployment, claims.Mine, HasPods, now);
        await _writer.ApplyAsync(deployment, decision, now, cancel);
        if (ProgressPlan.UntilTimeOut(deployment, decision.Status, now) is { } wait) Queue.AddAfter(key, wait);
    }

    /// <summary>How much longer to wait for the ReplicaSet that was created; its event ends the wait. Null: there is none to wait for.</summary>
    private TimeSpan? Awaited(ObjectKey key)
    {
        if (!_created.TryGetValue(key, out var created)) return null;
        var left = Patience - _time.GetElapsedTime(created.Since);
        if (left > TimeSpan.Zero && !_caches.ReplicaSets.Items.ContainsKey(new ObjectKey(key.Namespace, created.Name))) return left;
        _created.TryRemove(key, out _);
        return null;
    }

    private bool HasPods(string set) => _caches.PodIndex.OwnedBy(set).Any(pod => !pod.IsTerminal);

    private async Task<k8s.Models.V1ObjectMeta?> ReadAsync(ObjectKey key, CancellationToken cancel) =>
        (await _client.FindAsync(ApiResources.Deployments, key.Namespace, key.Name, cancel))?.Metadata;

    private void Observe(InformerChange<ReplicaItem> change)
    {
        if (OwnerKey(change.Old) is { } before) Queue.Add(before);
        if (OwnerKey(change.New) is { } now) Queue.Add(now);
        else if (change.New is { Meta.Controller: null } orphan)
        {
            foreach (var key in _selectors.Selecting(orphan.Key.Namespace, orphan.Labels)) Queue.Add(key);
        }
    }

    /// <summary>Only a Deployment that recreates waits for pods; the others hear of them through their ReplicaSets.</summary>
    private void Observe(InformerChange<PodItem> change)
    {
        if (change.New is { IsTerminal: false } || change.Old?.Meta.Controller is not { Kind: "ReplicaSet" } owner) return;
        var set = _caches.ReplicaSets.Items.GetValueOrDefault(new ObjectKey(change.Key.Namespace, owner.Name));
        if (OwnerKey(set) is { } key && _caches.Deployments.Items.GetValueOrDefault(key) is { IsRecreate: true }) Queue.Add(key);
    }

    private static ObjectKey? OwnerKey(ReplicaItem? set) =>
        set?.Meta.Controller is { Kind: "Deployment", ApiVersion: "apps/v1" } owner ? new ObjectKey(set.Key.Namespace, owner.Name) : null;
}
