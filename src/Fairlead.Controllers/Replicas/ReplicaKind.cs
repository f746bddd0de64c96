using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using k8s;
using k8s.Models;

namespace Fairlead.Controllers.Replicas;

/// <summary>One kind that keeps a number of equal pods: ReplicationController, ReplicaSet.</summary>
internal sealed class ReplicaKind<T> : IReplicaKind where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly KubeClient _client;
    private readonly ApiResource<T> _resource;
    private readonly Informer<T, ReplicaItem> _informer;
    private readonly PodIndex _pods;
    private readonly SelectorIndex _selectors = new();

    public ReplicaKind(ControllerContext context, ApiResource<T> resource, Informer<T, ReplicaItem> informer, string component)
    {
        _client = context.Client;
        _resource = resource;
        _informer = informer;
        _pods = context.Caches.PodIndex;
        Component = component;
        informer.Changed += change =>
        {
            _selectors.Apply(change.Key, change.Old?.Selector, change.New?.Selector);
            Changed?.Invoke(change.Key, change.Old, change.New);
        };
    }

    public string ApiVersion => _resource.ApiVersion;
    public string Kind => _resource.Kind;
    public string Component { get; }
    public bool TellsTerminating => Kind == "ReplicaSet";

    public event Action<ObjectKey, ReplicaItem?, ReplicaItem?>? Changed;

    public ReplicaItem? Find(ObjectKey key) => _informer.Items.GetValueOrDefault(key);

    public IEnumerable<ObjectKey> Selecting(string ns, ValueMap labels) => _selectors.Selecting(ns, labels);

    public IEnumerable<PodItem> Selected(ReplicaItem owner) => _pods.Selected(owner.Key.Namespace, owner.Selector);

    public async Task<V1ObjectMeta?> ReadAsync(ObjectKey key, CancellationToken cancel) =>
        (await _client.FindAsync(_resource, key.Namespace, key.Name, cancel))?.Metadata;

    public Task PatchStatusAsync(ObjectKey key, JsonObject patch, CancellationToken cancel) =>
        _client.PatchAsync(_resource, key, Patch.Merge(patch), "status", cancel);
}
