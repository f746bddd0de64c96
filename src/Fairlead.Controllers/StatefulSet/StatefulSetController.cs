using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Controllers.Revisions;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;

namespace Fairlead.Controllers.StatefulSet;

/// <summary>
/// Keeps each StatefulSet's pods. Names are fixed, so a cache that lags behind can make no pod twice, and deletions name
/// the UID: nothing has to be remembered between syncs.
/// </summary>
internal sealed class StatefulSetController : KeyedController<ObjectKey>
{
    private const string HashLabel = "controller.kubernetes.io/hash";

    private readonly Caches _caches;
    private readonly TimeProvider _time;
    private readonly SelectorIndex _selectors = new();
    private readonly SetClaims<k8s.Models.V1StatefulSet> _claims;
    private readonly RevisionWriter _revisions;
    private readonly StatefulSetWriter _writer;

    public StatefulSetController(ControllerContext context)
        : base("statefulset", workers: 5, context.Log("StatefulSet"), context.Time)
    {
        _caches = context.Caches;
        _time = context.Time;
        _claims = new SetClaims<k8s.Models.V1StatefulSet>(context.Client, _caches, ApiResources.StatefulSets);
        _revisions = new RevisionWriter(context.Client);
        _writer = new StatefulSetWriter(context.Client, context.Recorder("statefulset-controller"));
        _caches.StatefulSets.Changed += change =>
        {
            _selectors.Apply(change.Key, change.Old?.Selector, change.New?.Selector);
            Queue.Add(change.Key);
        };
        _caches.Pods.Changed += Observe;
        _caches.Revisions.Changed += change => Enqueue(change.Old ?? change.New);
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (_caches.StatefulSets.Items.GetValueOrDefault(key) is not { } set || set.Selector.IsEmpty) return;
        var owner = Owner.Of(ApiResources.StatefulSets, set);
        var pods = await _claims.PodsAsync(set, set.Selector, pod => pod.IsActive && PodIdentity.Ordinal(set, pod) is not null, cancel);
        var revisions = await _claims.RevisionsAsync(set, set.Selector, cancel);
        if (await _revisions.EnsureAsync(owner, set.Template, revisions, set.Status.Collisions, HashLabel, cancel) is not { } update)
        {
            await _writer.PatchStatusAsync(set, set.Status with { Collisions = set.Status.Collisions + 1 }, cancel);
            return;
        }
        var current = revisions.FirstOrDefault(revision => revision.Key.Name == set.Status.CurrentRevision && revision.Template is not null) ?? update;
        var now = _time.GetUtcNow().UtcDateTime;
        var decision = StatefulSetPlan.Decide(set, pods, current.Key.Name, update.Key.Name, now);
        var failure = await _writer.ApplyAsync(owner, set, decision, current, update, cancel);
        if (decision.Status != set.Status) await _writer.PatchStatusAsync(set, decision.Status, cancel);
        await _revisions.ForgetAsync(Forgettable(set, revisions, pods, decision.Status), cancel);
        if (Replicas.ReplicaPlan.UntilAvailable(set.MinReadySeconds, pods, now) is { } wait) Queue.AddAfter(key, wait);
        if (failure is not null) throw failure;
    }

    private static IReadOnlyList<RevisionItem> Forgettable(StatefulSetItem set, IEnumerable<RevisionItem> revisions, IEnumerable<PodItem> pods, StatefulSetStatus status)
    {
        var used = pods.Select(PodIdentity.Revision).Append(status.CurrentRevision).Append(status.UpdateRevision).ToHashSet();
        return RevisionPlan.Forgettable(revisions, revision => used.Contains(revision.Key.Name), set.RevisionHistoryLimit);
    }

    private void Observe(InformerChange<PodItem> change)
    {
        Enqueue(change.Old);
        Enqueue(change.New);
        if (change.New is not { Meta.Controller: null } orphan) return;
        foreach (var key in _selectors.Selecting(orphan.Key.Namespace, orphan.Labels)) Queue.Add(key);
    }

    private void Enqueue(ICached? item)
    {
        if (item?.Meta.Controller is { Kind: "StatefulSet", ApiVersion: "apps/v1" } owner) Queue.Add(new ObjectKey(item.Key.Namespace, owner.Name));
    }
}
