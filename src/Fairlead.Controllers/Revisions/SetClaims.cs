using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s;
using k8s.Models;

namespace Fairlead.Controllers.Revisions;

/// <summary>Finds, adopts and releases the pods and revisions of a StatefulSet or DaemonSet.</summary>
internal sealed class SetClaims<T>(KubeClient client, Caches caches, ApiResource<T> resource) where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly ClaimWriter _writer = new(client);

    /// <summary>The set's pods, with those that it takes in now.</summary>
    public Task<IReadOnlyList<PodItem>> PodsAsync(ICached set, SelectorItem selector, Func<PodItem, bool> mayAdopt, CancellationToken cancel)
    {
        var candidates = caches.PodIndex.Selected(set.Key.Namespace, selector).Concat(caches.PodIndex.OwnedBy(set.Meta.Uid)).DistinctBy(pod => pod.Key);
        return ClaimAsync(set, ApiResources.Pods, ClaimPlan.Decide(set.Meta, selector, candidates, mayAdopt), cancel);
    }

    public Task<IReadOnlyList<RevisionItem>> RevisionsAsync(ICached set, SelectorItem selector, CancellationToken cancel)
    {
        var candidates = caches.RevisionIndex.OwnedBy(set.Key.Namespace, set.Meta.Uid).Concat(caches.RevisionIndex.Orphans(set.Key.Namespace));
        return ClaimAsync(set, ApiResources.ControllerRevisions, ClaimPlan.Decide(set.Meta, selector, candidates, _ => true), cancel);
    }

    private async Task<IReadOnlyList<TItem>> ClaimAsync<TClaimed, TItem>(ICached set, ApiResource<TClaimed> claimed, Claims<TItem> claims, CancellationToken cancel)
        where TClaimed : class, IKubernetesObject<V1ObjectMeta>
        where TItem : ICached
    {
        await _writer.ApplyAsync(Owner.Of(resource, set), claimed, claims.Adopt, claims.Release, stop => ReadAsync(set.Key, stop), cancel);
        return claims.Mine;
    }

    private async Task<V1ObjectMeta?> ReadAsync(ObjectKey key, CancellationToken cancel) =>
        (await client.FindAsync(resource, key.Namespace, key.Name, cancel))?.Metadata;
}
