using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using k8s.Models;

namespace Fairlead.Controllers.Replicas;

/// <summary>What went wrong while a decision was applied: the condition to show, and the error for the key's back-off.</summary>
internal readonly record struct PodFailure((string Reason, string Message) Condition, Exception? Error)
{
    public static readonly PodFailure None = new(("", ""), null);
}

/// <summary>Carries a decision out: adopts, releases, creates and deletes pods.</summary>
internal sealed class PodControl(IReplicaKind kind, KubeClient client, EventRecorder events, Expectations expectations)
{
    public async Task<PodFailure> ApplyAsync(ReplicaItem owner, ReplicaDecision decision, CancellationToken cancel)
    {
        await Task.WhenAll(decision.Release.Select(pod => ReleaseAsync(owner, pod, cancel)));
        await AdoptAsync(owner, decision.Adopt, cancel);
        if (decision.Create > 0) return Failure("FailedCreate", await CreateAsync(owner, decision.Create, cancel));
        if (decision.Delete.Count > 0) return Failure("FailedDelete", await DeleteAsync(owner, decision.Delete, cancel));
        return PodFailure.None;
    }

    private static PodFailure Failure(string reason, Exception? error) =>
        error is null ? PodFailure.None : new((reason, error.Message), error);

    private async Task AdoptAsync(ReplicaItem owner, IReadOnlyList<PodItem> pods, CancellationToken cancel)
    {
        if (pods.Count == 0) return;
        // The cache may not know yet that the owner is going; pods must not be tied to one that is gone.
        var live = await kind.ReadAsync(owner.Key, cancel);
        if (live is null || live.Uid != owner.Meta.Uid || live.DeletionTimestamp is not null) return;
        await Task.WhenAll(pods.Select(pod => AdoptAsync(owner, pod, cancel)));
    }

    private Task AdoptAsync(ReplicaItem owner, PodItem pod, CancellationToken cancel)
    {
        var reference = new JsonObject
        {
            ["apiVersion"] = kind.ApiVersion,
            ["kind"] = kind.Kind,
            ["name"] = owner.Key.Name,
            ["uid"] = owner.Meta.Uid,
            ["controller"] = true,
            ["blockOwnerDeletion"] = true,
        };
        return PatchOwnersAsync(pod, reference, cancel);
    }

    private Task ReleaseAsync(ReplicaItem owner, PodItem pod, CancellationToken cancel) =>
        PatchOwnersAsync(pod, new JsonObject { ["$patch"] = "delete", ["uid"] = owner.Meta.Uid }, cancel);

    private async Task PatchOwnersAsync(PodItem pod, JsonObject reference, CancellationToken cancel)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = pod.Meta.Uid, ["ownerReferences"] = new JsonArray(reference) },
        };
        try
        {
            await client.PatchAsync(ApiResources.Pods, pod.Key, Patch.StrategicMerge(patch), null, cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // Gone meanwhile: nothing to adopt or release.
        }
    }

    /// <summary>Batches of 1, 2, 4, … in parallel: a namespace that refuses pods is asked once, not a thousand times.</summary>
    private async Task<Exception?> CreateAsync(ReplicaItem owner, int count, CancellationToken cancel)
    {
        var names = new string[count];
        for (var i = 0; i < count; i++)
        {
            names[i] = ObjectNames.Generate(owner.Key.Name + "-");
            expectations.ExpectCreation(owner.Key, names[i]);
        }
        var done = 0;
        for (var batch = 1; done < count; batch *= 2)
        {
            var results = await Task.WhenAll(names.Skip(done).Take(batch).Select(name => CreateAsync(owner, name, cancel)));
            done += results.Length;
            if (results.FirstOrDefault(error => error is not null) is not { } error) continue;
            foreach (var name in names.AsSpan(done)) expectations.CreationSeen(owner.Key, name);
            return error;
        }
        return null;
    }

    private async Task<Exception?> CreateAsync(ReplicaItem owner, string name, CancellationToken cancel)
    {
        try
        {
            await client.CreateAsync(ApiResources.Pods, NewPod(owner, name), cancel);
            events.Normal(About(owner), "SuccessfulCreate", $"Created pod: {name}");
            return null;
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException)
        {
            expectations.CreationSeen(owner.Key, name);
            // A namespace that is being deleted refuses pods for good, and that is nobody's failure.
            if (e is KubeApiException { Status.Details.Causes: { } causes } && causes.Any(cause => cause.Reason == "NamespaceTerminating")) return null;
            events.Warning(About(owner), "FailedCreate", $"Error creating: {e.Message}");
            return e;
        }
    }

    private async Task<Exception?> DeleteAsync(ReplicaItem owner, IReadOnlyList<PodItem> pods, CancellationToken cancel)
    {
        foreach (var pod in pods) expectations.ExpectDeletion(owner.Key, pod.Meta.Uid);
        var results = await Task.WhenAll(pods.Select(pod => DeleteAsync(owner, pod, cancel)));
        return results.FirstOrDefault(error => error is not null);
    }

    private async Task<Exception?> DeleteAsync(ReplicaItem owner, PodItem pod, CancellationToken cancel)
    {
        try
        {
            var options = new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = pod.Meta.Uid } };
            if (await client.DeleteAsync(ApiResources.Pods, pod.Key, options, cancel))
                events.Normal(About(owner), "SuccessfulDelete", $"Deleted pod: {pod.Key.Name}");
            else
                expectations.DeletionSeen(owner.Key, pod.Meta.Uid);
            return null;
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException)
        {
            expectations.DeletionSeen(owner.Key, pod.Meta.Uid);
            events.Warning(About(owner), "FailedDelete", $"Error deleting: {e.Message}");
            return e;
        }
    }

    private V1Pod NewPod(ReplicaItem owner, string name)
    {
        var template = owner.Template.Create();
        return new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Name = name,
                GenerateName = owner.Key.Name + "-",
                NamespaceProperty = owner.Key.Namespace,
                Labels = template.Metadata?.Labels,
                Annotations = template.Metadata?.Annotations,
                Finalizers = template.Metadata?.Finalizers,
                OwnerReferences =
                [
                    new V1OwnerReference
                    {
                        ApiVersion = kind.ApiVersion, Kind = kind.Kind, Name = owner.Key.Name, Uid = owner.Meta.Uid, Controller = true, BlockOwnerDeletion = true,
                    },
                ],
            },
            Spec = template.Spec,
        };
    }

    private V1ObjectReference About(ReplicaItem owner) => new()
    {
        ApiVersion = kind.ApiVersion,
        Kind = kind.Kind,
        NamespaceProperty = owner.Key.Namespace,
        Name = owner.Key.Name,
        Uid = owner.Meta.Uid,
    };
}
