using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using k8s.Models;

namespace Fairlead.Controllers.StatefulSet;

/// <summary>Carries a StatefulSet's decision out.</summary>
internal sealed class StatefulSetWriter(KubeClient client, EventRecorder events)
{
    private readonly PodWriter _pods = new(client, events);

    /// <summary>Answers what went wrong first.</summary>
    public async Task<Exception?> ApplyAsync(
        Owner owner, StatefulSetItem set, StatefulSetDecision decision, RevisionItem current, RevisionItem update, CancellationToken cancel)
    {
        foreach (var (pod, ordinal) in decision.Label) await LabelAsync(set, pod, ordinal, cancel);
        var deleted = await Task.WhenAll(decision.Delete.Select(pod => DeleteAsync(owner, pod, cancel)));
        if (set.HasClaims && decision.Create.Count > 0)
        {
            // A foreign server may have claims; this controller makes none, and a pod without its storage must not start.
            events.Warning(owner.About(), "FailedCreate", "volumeClaimTemplates are not supported by this controller: no pod is created");
            return deleted.FirstOrDefault(error => error is not null);
        }
        var created = await Task.WhenAll(decision.Create.Select(pod => CreateAsync(owner, set, pod.Ordinal, pod.IsNewest ? update : current, cancel)));
        return deleted.Concat(created).FirstOrDefault(error => error is not null);
    }

    public Task PatchStatusAsync(StatefulSetItem set, StatefulSetStatus status, CancellationToken cancel)
    {
        var body = new JsonObject
        {
            ["replicas"] = status.Replicas,
            ["readyReplicas"] = status.Ready,
            ["availableReplicas"] = status.Available,
            ["currentReplicas"] = status.Current,
            ["updatedReplicas"] = status.Updated,
            ["currentRevision"] = status.CurrentRevision,
            ["updateRevision"] = status.UpdateRevision,
            ["collisionCount"] = status.Collisions,
            ["observedGeneration"] = status.ObservedGeneration,
        };
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = set.Meta.Uid }, ["status"] = body };
        return client.PatchAsync(ApiResources.StatefulSets, set.Key, Patch.Merge(patch), "status", cancel);
    }

    private async Task<Exception?> CreateAsync(Owner owner, StatefulSetItem set, int ordinal, RevisionItem revision, CancellationToken cancel)
    {
        var name = PodIdentity.Name(set, ordinal);
        var pod = PodWriter.Compose(owner, revision.Template!, name);
        var labels = new Dictionary<string, string>(pod.Metadata.Labels ?? new Dictionary<string, string>()) { [PodIdentity.RevisionLabel] = revision.Key.Name };
        foreach (var (label, value) in PodIdentity.Labels(set, ordinal)) labels[label] = value;
        pod.Metadata.Labels = labels;
        pod.Spec.Hostname = name;
        pod.Spec.Subdomain = set.ServiceName.Length == 0 ? null : set.ServiceName;
        var error = await _pods.CreateAsync(owner, pod, cancel, $"create Pod {name} in StatefulSet {set.Key.Name} successful");
        if (error is null || PodWriter.IsTerminating(error)) return null;
        if (error is not KubeApiException { IsAlreadyExists: true }) return error;
        // A cache that lags behind asked for a pod that is there; or the name is somebody else's.
        var present = await client.FindAsync(ApiResources.Pods, owner.Key.Namespace, name, cancel);
        if (present is null || ObjectMeta.From(present.Metadata).Controller?.Uid == owner.Uid) return null;
        events.Warning(owner.About(), "FailedCreate", $"create Pod {name} in StatefulSet {set.Key.Name} failed error: {error.Message}");
        return error;
    }

    private async Task<Exception?> DeleteAsync(Owner owner, PodItem pod, CancellationToken cancel)
    {
        if (pod.Phase == "Failed") events.Warning(owner.About(), "RecreatingFailedPod", $"StatefulSet {owner.Key} is recreating failed Pod {pod.Key.Name}");
        if (pod.Phase == "Succeeded") events.Normal(owner.About(), "RecreatingTerminatedPod", $"StatefulSet {owner.Key} is recreating terminated Pod {pod.Key.Name}");
        return (await _pods.DeleteAsync(owner, pod, cancel, $"delete Pod {pod.Key.Name} in StatefulSet {owner.Key.Name} successful")).Error;
    }

    private Task<V1Pod> LabelAsync(StatefulSetItem set, PodItem pod, int ordinal, CancellationToken cancel)
    {
        var labels = new JsonObject();
        foreach (var (label, value) in PodIdentity.Labels(set, ordinal)) labels[label] = value;
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = pod.Meta.Uid, ["labels"] = labels } };
        return client.PatchAsync(ApiResources.Pods, pod.Key, Patch.Merge(patch), null, cancel);
    }
}
