using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Controllers.Replicas;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.DaemonSet;

/// <summary>Creates and deletes a DaemonSet's pods.</summary>
internal sealed class DaemonPods(KubeClient client, EventRecorder events, Expectations expectations)
{
    private readonly PodWriter _pods = new(client, events);

    /// <summary>Answers what went wrong first.</summary>
    public async Task<Exception?> ApplyAsync(Owner owner, DaemonSetItem set, DaemonSetDecision decision, string hash, CancellationToken cancel)
    {
        var creations = decision.Create.Select(node => (Node: node, Name: ObjectNames.Generate(owner.Key.Name + "-"))).ToList();
        foreach (var (_, name) in creations) expectations.ExpectCreation(owner.Key, name);
        foreach (var pod in decision.Delete) expectations.ExpectDeletion(owner.Key, pod.Meta.Uid);
        var deleted = await Task.WhenAll(decision.Delete.Select(pod => DeleteAsync(owner, pod, cancel)));
        var created = await Task.WhenAll(creations.Select(pod => CreateAsync(owner, Compose(owner, set, pod.Name, pod.Node, hash), cancel)));
        return deleted.Concat(created).FirstOrDefault(error => error is not null);
    }

    /// <summary>The pod is bound to its node by affinity, and placed by the scheduler like any other.</summary>
    private static V1Pod Compose(Owner owner, DaemonSetItem set, string name, string node, string hash)
    {
        var pod = PodWriter.Compose(owner, set.Template, name);
        pod.Metadata.Labels = new Dictionary<string, string>(pod.Metadata.Labels ?? new Dictionary<string, string>()) { [DaemonSetPlan.RevisionLabel] = hash };
        pod.Spec.Affinity ??= new V1Affinity();
        pod.Spec.Affinity.NodeAffinity ??= new V1NodeAffinity();
        pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = new V1NodeSelector
        {
            NodeSelectorTerms =
            [
                new V1NodeSelectorTerm { MatchFields = [new V1NodeSelectorRequirement { Key = "metadata.name", OperatorProperty = "In", Values = [node] }] },
            ],
        };
        pod.Spec.Tolerations = [.. pod.Spec.Tolerations ?? [], .. DaemonSetItem.Tolerations(pod.Spec.HostNetwork == true)];
        return pod;
    }

    private async Task<Exception?> CreateAsync(Owner owner, V1Pod pod, CancellationToken cancel)
    {
        var error = await _pods.CreateAsync(owner, pod, cancel);
        if (error is null) return null;
        expectations.CreationSeen(owner.Key, pod.Metadata.Name);
        return PodWriter.IsTerminating(error) ? null : error;
    }

    private async Task<Exception?> DeleteAsync(Owner owner, PodItem pod, CancellationToken cancel)
    {
        var where = $"daemon pod {pod.Key} on node {DaemonSetPlan.NodeOf(pod)}, will try to kill it";
        if (pod.Phase == "Failed") events.Warning(owner.About(), "FailedDaemonPod", $"Found failed {where}");
        if (pod.Phase == "Succeeded") events.Normal(owner.About(), "SucceededDaemonPod", $"Found succeeded {where}");
        var (deleted, error) = await _pods.DeleteAsync(owner, pod, cancel);
        if (!deleted) expectations.DeletionSeen(owner.Key, pod.Meta.Uid);
        return error;
    }
}
