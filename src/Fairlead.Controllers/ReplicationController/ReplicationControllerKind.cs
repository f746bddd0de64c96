using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Replicas;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.ReplicationController;

/// <summary>ReplicationControllers as owners of replicas: a map selector, the core group.</summary>
internal sealed class ReplicationControllerKind : IReplicaKind
{
    private readonly KubeClient _client;
    private readonly Caches _caches;
    private readonly SelectorIndex _selectors = new();

    public ReplicationControllerKind(KubeClient client, Caches caches)
    {
        _client = client;
        _caches = caches;
        caches.ReplicationControllers.Changed += change =>
        {
            _selectors.Apply(change.Key, change.Old?.Selector.Pairs, change.New?.Selector.Pairs);
            Changed?.Invoke(change.Key, change.Old, change.New);
        };
    }

    public string ApiVersion => "v1";
    public string Kind => "ReplicationController";
    public string Component => "replication-controller";

    public event Action<ObjectKey, ReplicaItem?, ReplicaItem?>? Changed;

    public ReplicaItem? Find(ObjectKey key) => _caches.ReplicationControllers.Items.GetValueOrDefault(key);

    public IEnumerable<ObjectKey> Selecting(string ns, ValueMap labels) => _selectors.Selecting(ns, labels);

    public IEnumerable<PodItem> Selected(ReplicaItem owner) => _caches.PodIndex.Selected(owner.Key.Namespace, owner.Selector.Pairs);

    public async Task<V1ObjectMeta?> ReadAsync(ObjectKey key, CancellationToken cancel) =>
        (await _client.FindAsync(ApiResources.ReplicationControllers, key.Namespace, key.Name, cancel))?.Metadata;

    public Task PatchStatusAsync(ObjectKey key, JsonObject patch, CancellationToken cancel) =>
        _client.PatchAsync(ApiResources.ReplicationControllers, key, Patch.Merge(patch), "status", cancel);
}
