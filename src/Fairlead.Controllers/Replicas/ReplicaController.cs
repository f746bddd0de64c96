using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Informers;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.Replicas;

/// <summary>Keeps as many pods as each owner of one kind asks for.</summary>
internal sealed class ReplicaController : KeyedController<ObjectKey>
{
    private readonly IReplicaKind _kind;
    private readonly Caches _caches;
    private readonly TimeProvider _time;
    private readonly Expectations _expectations;
    private readonly PodControl _pods;

    public ReplicaController(IReplicaKind kind, ControllerContext context, ILogger log)
        : base(kind.Component, workers: 5, log, context.Time)
    {
        _kind = kind;
        _caches = context.Caches;
        _time = context.Time;
        _expectations = new Expectations(context.Time);
        _pods = new PodControl(kind, context.Client, context.Recorder(kind.Component), _expectations);
        kind.Changed += (key, old, now) =>
        {
            if (old is not null && old.Meta.Uid != now?.Meta.Uid) _expectations.Forget(key);
            Queue.Add(key);
        };
        _caches.Pods.Changed += Observe;
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (_kind.Find(key) is not { } owner) return;
        if (!_expectations.AreMet(key))
        {
            Queue.AddAfter(key, Expectations.Patience);
            return;
        }
        var now = _time.GetUtcNow().UtcDateTime;
        var candidates = _kind.Selected(owner).Concat(_caches.PodIndex.OwnedBy(owner.Meta.Uid)).DistinctBy(pod => pod.Key);
        var decision = ReplicaPlan.Decide(owner, candidates, now);
        var failure = await _pods.ApplyAsync(owner, decision, cancel);
        var status = ReplicaPlan.Status(owner, decision.Active, failure.Condition, now) with
        {
            Terminating = _kind.TellsTerminating ? decision.Terminating : 0,
        };
        if (status != owner.Status)
            await _kind.PatchStatusAsync(key, StatusPatch(owner, status, now), cancel);
        if (ReplicaPlan.UntilAvailable(owner.MinReadySeconds, decision.Active, now) is { } wait) Queue.AddAfter(key, wait);
        if (failure.Error is { } error) throw error;
    }

    private void Observe(InformerChange<PodItem> change)
    {
        _expectations.Observe(change, OwnerKey);
        var before = OwnerKey(change.Old);
        var now = OwnerKey(change.New);
        if (before is { } previous) Queue.Add(previous);
        if (now is { } present) Queue.Add(present);
        else if (change.New is { } orphan) EnqueueSelecting(orphan);
    }

    private void EnqueueSelecting(PodItem orphan)
    {
        if (orphan.Meta.Controller is not null) return;
        foreach (var key in _kind.Selecting(orphan.Key.Namespace, orphan.Labels)) Queue.Add(key);
    }

    private ObjectKey? OwnerKey(PodItem? pod) =>
        pod?.Meta.Controller is { } owner && owner.Kind == _kind.Kind && owner.ApiVersion == _kind.ApiVersion
            ? new ObjectKey(pod.Key.Namespace, owner.Name)
            : null;

    private static JsonObject StatusPatch(ReplicaItem owner, ReplicaStatus status, DateTime now)
    {
        var body = new JsonObject
        {
            ["replicas"] = status.Replicas,
            ["fullyLabeledReplicas"] = status.FullyLabeled,
            ["readyReplicas"] = status.Ready,
            ["availableReplicas"] = status.Available,
            ["observedGeneration"] = status.ObservedGeneration,
        };
        if (status.Terminating != owner.Status.Terminating) body["terminatingReplicas"] = status.Terminating;
        if (status.FailureReason != owner.Status.FailureReason || status.FailureMessage != owner.Status.FailureMessage)
            body["conditions"] = Conditions(status, now);
        // The UID makes the patch fail, not hit, a new owner of the same name.
        return new JsonObject { ["metadata"] = new JsonObject { ["uid"] = owner.Meta.Uid }, ["status"] = body };
    }

    private static JsonArray? Conditions(ReplicaStatus status, DateTime now) =>
        status.FailureReason.Length == 0
            ? null
            : new JsonArray(new JsonObject
            {
                ["type"] = "ReplicaFailure",
                ["status"] = "True",
                ["lastTransitionTime"] = Timestamps.Seconds(now),
                ["reason"] = status.FailureReason,
                ["message"] = status.FailureMessage,
            });
}
