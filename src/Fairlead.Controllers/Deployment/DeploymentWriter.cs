using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using k8s.Models;

namespace Fairlead.Controllers.Deployment;

/// <summary>
/// Carries a Deployment's decision out. Every write names the version that it was decided on: a decision from a cache that
/// lags behind is refused and made again.
/// </summary>
/// <param name="created">Is told of the ReplicaSet, by name, that a Deployment was given.</param>
internal sealed class DeploymentWriter(KubeClient client, EventRecorder events, Action<ObjectKey, string> created)
{
    private const string Scaling = "ScalingReplicaSet";

    public async Task ApplyAsync(DeploymentItem deployment, DeploymentDecision decision, DateTime now, CancellationToken cancel)
    {
        var owner = Owner.Of(ApiResources.Deployments, deployment);
        foreach (var (before, after) in decision.Change) await ChangeAsync(owner, before, after, cancel);
        var version = deployment.ResourceVersion;
        if (decision.Create is { } fresh) await CreateAsync(owner, deployment, fresh, now, cancel);
        foreach (var set in decision.Delete) await DeleteAsync(set, cancel);
        if (decision.Revision is { } revision) version = await NumberAsync(deployment, revision, cancel);
        if (decision.Status != deployment.Status) await PatchStatusAsync(deployment, version, DeploymentPatch.Status(decision.Status), cancel);
    }

    private async Task ChangeAsync(Owner owner, ReplicaItem before, ReplicaItem after, CancellationToken cancel)
    {
        await client.PatchAsync(ApiResources.ReplicaSets, before.Key, Patch.Merge(DeploymentPatch.Change(before, after)), null, cancel);
        if (before.Replicas != after.Replicas) TellScaling(owner, before.Key.Name, before.Replicas, after.Replicas);
    }

    private async Task CreateAsync(Owner owner, DeploymentItem deployment, NewReplicaSet fresh, DateTime now, CancellationToken cancel)
    {
        try
        {
            await client.CreateAsync(ApiResources.ReplicaSets, Compose(owner, deployment, fresh), cancel);
            created(owner.Key, fresh.Name);
            if (fresh.Replicas > 0) TellScaling(owner, fresh.Name, 0, fresh.Replicas);
        }
        catch (KubeApiException e) when (e.IsAlreadyExists)
        {
            var present = await client.FindAsync(ApiResources.ReplicaSets, owner.Key.Namespace, fresh.Name, cancel);
            // Ours, made by a sync whose result the cache does not show yet: nothing is wrong.
            if (present is null || (IsOurs(present, owner) && ReplicaItem.From(present).Template.IsSameAs(deployment.Template))) return;
            var collided = deployment.Status with { Collisions = deployment.Status.Collisions + 1 };
            await PatchStatusAsync(deployment, deployment.ResourceVersion, DeploymentPatch.Status(collided), cancel);
            throw;
        }
        catch (KubeApiException e) when (deployment.ProgressDeadline is not null && !PodWriter.IsTerminating(e))
        {
            var failed = StatusPlan.Set(deployment.Status, StatusPlan.Progressing, "False", "ReplicaSetCreateError", $"Failed to create new replica set \"{fresh.Name}\": {e.Message}", now);
            await PatchStatusAsync(deployment, deployment.ResourceVersion, DeploymentPatch.Status(failed), cancel);
            events.Warning(owner.About(), "ReplicaSetCreateError", $"Failed to create new replica set \"{fresh.Name}\": {e.Message}");
            throw;
        }
    }

    private static bool IsOurs(V1ReplicaSet set, Owner owner) => set.Metadata.OwnerReferences?.Any(reference => reference is { Controller: true } && reference.Uid == owner.Uid) == true;

    private static V1ReplicaSet Compose(Owner owner, DeploymentItem deployment, NewReplicaSet fresh)
    {
        var template = deployment.Template.Create();
        template.Metadata ??= new V1ObjectMeta();
        template.Metadata.Labels = new Dictionary<string, string>(template.Metadata.Labels ?? new Dictionary<string, string>()) { [PodTemplate.HashLabel] = fresh.Hash };
        var selector = deployment.Selector.ToModel();
        selector.MatchLabels = new Dictionary<string, string>(selector.MatchLabels ?? new Dictionary<string, string>()) { [PodTemplate.HashLabel] = fresh.Hash };
        return new V1ReplicaSet
        {
            Metadata = new V1ObjectMeta
            {
                Name = fresh.Name,
                NamespaceProperty = owner.Key.Namespace,
                Labels = new Dictionary<string, string>(template.Metadata.Labels),
                Annotations = fresh.Annotations.ToDictionary(),
                OwnerReferences = [owner.Reference()],
            },
            Spec = new V1ReplicaSetSpec { Replicas = fresh.Replicas, MinReadySeconds = deployment.MinReadySeconds, Selector = selector, Template = template },
        };
    }

    private async Task DeleteAsync(ReplicaItem set, CancellationToken cancel)
    {
        var only = new V1Preconditions { Uid = set.Meta.Uid, ResourceVersion = set.ResourceVersion };
        await client.DeleteAsync(ApiResources.ReplicaSets, set.Key, new V1DeleteOptions { Preconditions = only }, cancel);
    }

    private async Task<string> NumberAsync(DeploymentItem deployment, string revision, CancellationToken cancel)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["uid"] = deployment.Meta.Uid,
                ["resourceVersion"] = deployment.ResourceVersion,
                ["annotations"] = new JsonObject { [Annotations.Revision] = revision },
            },
        };
        return (await client.PatchAsync(ApiResources.Deployments, deployment.Key, Patch.Merge(patch), null, cancel)).Metadata.ResourceVersion;
    }

    private Task<V1Deployment> PatchStatusAsync(DeploymentItem deployment, string version, JsonObject status, CancellationToken cancel)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = deployment.Meta.Uid, ["resourceVersion"] = version },
            ["status"] = status,
        };
        return client.PatchAsync(ApiResources.Deployments, deployment.Key, Patch.Merge(patch), "status", cancel);
    }

    private void TellScaling(Owner owner, string set, int before, int after) =>
        events.Normal(owner.About(), Scaling, $"Scaled {(after > before ? "up" : "down")} replica set {set} from {before} to {after}");
}
