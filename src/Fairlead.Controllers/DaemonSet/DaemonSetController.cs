using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Controllers.Replicas;
using Fairlead.Controllers.Revisions;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;

namespace Fairlead.Controllers.DaemonSet;

/// <summary>Keeps one pod of each DaemonSet on every node that fits.</summary>
internal sealed class DaemonSetController : KeyedController<ObjectKey>
{
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly TimeProvider _time;
    private readonly SelectorIndex _selectors = new();
    private readonly Expectations _expectations;
    private readonly SetClaims<k8s.Models.V1DaemonSet> _claims;
    private readonly RevisionWriter _revisions;
    private readonly DaemonPods _pods;

    public DaemonSetController(ControllerContext context)
        : base("daemonset", workers: 2, context.Log("DaemonSet"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _time = context.Time;
        _expectations = new Expectations(context.Time);
        _claims = new SetClaims<k8s.Models.V1DaemonSet>(context.Client, _caches, ApiResources.DaemonSets);
        _revisions = new RevisionWriter(_client);
        _pods = new DaemonPods(_client, context.Recorder("daemonset-controller"), _expectations);
        _caches.DaemonSets.Changed += change =>
        {
            _selectors.Apply(change.Key, change.Old?.Selector, change.New?.Selector);
            if (change.Old is { } old && old.Meta.Uid != change.New?.Meta.Uid) _expectations.Forget(change.Key);
            Queue.Add(change.Key);
        };
        _caches.Nodes.Changed += _ =>
        {
            foreach (var key in _caches.DaemonSets.Items.Keys) Queue.Add(key);
        };
        _caches.Pods.Changed += Observe;
        _caches.Revisions.Changed += change =>
        {
            if (OwnerKey(change.Old ?? change.New) is { } key) Queue.Add(key);
        };
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (_caches.DaemonSets.Items.GetValueOrDefault(key) is not { } set || set.Selector.IsEmpty) return;
        if (!_expectations.AreMet(key))
        {
            Queue.AddAfter(key, Expectations.Patience);
            return;
        }
        var owner = Owner.Of(ApiResources.DaemonSets, set);
        var pods = await _claims.PodsAsync(set, set.Selector, pod => pod.IsActive, cancel);
        var revisions = await _claims.RevisionsAsync(set, set.Selector, cancel);
        if (await _revisions.EnsureAsync(owner, set.Template, revisions, set.Status.Collisions, DaemonSetPlan.RevisionLabel, cancel) is not { } update)
        {
            await PatchStatusAsync(set, set.Status with { Collisions = set.Status.Collisions + 1 }, cancel);
            return;
        }
        var now = _time.GetUtcNow().UtcDateTime;
        var hash = update.Labels.TryGetValue(DaemonSetPlan.RevisionLabel, out var label) ? label : update.Key.Name;
        var decision = DaemonSetPlan.Decide(set, pods, [.. _caches.Nodes.Items.Values], hash, now);
        var failure = await _pods.ApplyAsync(owner, set, decision, hash, cancel);
        if (decision.Status != set.Status) await PatchStatusAsync(set, decision.Status, cancel);
        var used = pods.Select(DaemonSetPlan.Hash).Append(hash).ToHashSet();
        await _revisions.ForgetAsync(RevisionPlan.Forgettable(revisions, item => used.Contains(HashOf(item)), set.RevisionHistoryLimit), cancel);
        LookAgain(key, set, pods, now);
        if (failure is not null) throw failure;
    }

    private static string HashOf(RevisionItem item) => item.Labels.TryGetValue(DaemonSetPlan.RevisionLabel, out var hash) ? hash : "";

    private void LookAgain(ObjectKey key, DaemonSetItem set, IReadOnlyList<PodItem> pods, DateTime now)
    {
        if (ReplicaPlan.UntilAvailable(set.MinReadySeconds, pods, now) is { } wait) Queue.AddAfter(key, wait);
        foreach (var pod in pods)
        {
            if (pod is { IsTerminal: true, Meta.IsDeleting: false }) Queue.AddAfter(key, pod.Meta.Created + DaemonSetPlan.RetryAfter - now);
        }
    }

    private Task<k8s.Models.V1DaemonSet> PatchStatusAsync(DaemonSetItem set, DaemonSetStatus status, CancellationToken cancel)
    {
        var body = new JsonObject
        {
            ["desiredNumberScheduled"] = status.Desired,
            ["currentNumberScheduled"] = status.Current,
            ["numberMisscheduled"] = status.Misscheduled,
            ["numberReady"] = status.Ready,
            ["updatedNumberScheduled"] = status.Updated,
            ["numberAvailable"] = status.Available,
            ["numberUnavailable"] = status.Desired - status.Available,
            ["observedGeneration"] = status.ObservedGeneration,
        };
        if (status.Collisions > 0) body["collisionCount"] = status.Collisions;
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = set.Meta.Uid }, ["status"] = body };
        return _client.PatchAsync(ApiResources.DaemonSets, set.Key, Patch.Merge(patch), "status", cancel);
    }

    private void Observe(InformerChange<PodItem> change)
    {
        _expectations.Observe(change, OwnerKey);
        if (OwnerKey(change.Old) is { } before) Queue.Add(before);
        if (OwnerKey(change.New) is { } now) Queue.Add(now);
        if (change.New is not { Meta.Controller: null } orphan) return;
        foreach (var key in _selectors.Selecting(orphan.Key.Namespace, orphan.Labels)) Queue.Add(key);
    }

    private static ObjectKey? OwnerKey(ICached? item) =>
        item?.Meta.Controller is { Kind: "DaemonSet", ApiVersion: "apps/v1" } owner ? new ObjectKey(item.Key.Namespace, owner.Name) : null;
}
