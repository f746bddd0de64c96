using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s;
using k8s.Models;

namespace Fairlead.Controllers.Owners;

/// <summary>Writes owner references into objects that an owner adopts, and takes them out of those that it releases.</summary>
internal sealed class ClaimWriter(KubeClient client)
{
    /// <param name="readOwner">The owner's metadata from the API server itself, or null.</param>
    public async Task ApplyAsync<T, TItem>(
        Owner owner, ApiResource<T> resource, IReadOnlyCollection<TItem> adopt, IReadOnlyCollection<TItem> release,
        Func<CancellationToken, Task<V1ObjectMeta?>> readOwner, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
        where TItem : ICached
    {
        var drop = new JsonObject { ["$patch"] = "delete", ["uid"] = owner.Uid };
        await Task.WhenAll(release.Select(item => PatchAsync(resource, item, (JsonObject)drop.DeepClone(), cancel)));
        if (adopt.Count == 0) return;
        // The cache may not know yet that the owner is going; nothing must be tied to one that is gone.
        var live = await readOwner(cancel);
        if (live is null || live.Uid != owner.Uid || live.DeletionTimestamp is not null) return;
        await Task.WhenAll(adopt.Select(item => PatchAsync(resource, item, owner.ReferenceJson(), cancel)));
    }

    private async Task PatchAsync<T>(ApiResource<T> resource, ICached item, JsonObject reference, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = item.Meta.Uid, ["ownerReferences"] = new JsonArray(reference) },
        };
        try
        {
            await client.PatchAsync(resource, item.Key, Patch.StrategicMerge(patch), null, cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // Gone meanwhile: nothing to adopt or release.
        }
    }
}
