using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.Cache;

/// <summary>The informers that all controllers share, one a kind, and the indexes over them.</summary>
internal sealed class Caches
{
    private readonly List<IMetadataSource> _sources = [];
    private readonly Lazy<Informer<V1CertificateSigningRequest, CertificateRequestItem>> _certificateRequests;

    public Caches(KubeClient client, ILoggerFactory logs, TimeProvider time)
    {
        var log = logs.CreateLogger("Fairlead.Controllers.Cache");
        Pods = Share(new Informer<V1Pod, PodItem>(client, ApiResources.Pods, PodItem.From, log, time), ApiResources.Pods);
        Services = Share(new Informer<V1Service, ServiceItem>(client, ApiResources.Services, ServiceItem.From, log, time), ApiResources.Services);
        Nodes = Share(new Informer<V1Node, NodeItem>(client, ApiResources.Nodes, NodeItem.From, log, time), ApiResources.Nodes);
        Namespaces = Share(new Informer<V1Namespace, NamespaceItem>(client, ApiResources.Namespaces, NamespaceItem.From, log, time), ApiResources.Namespaces);
        ReplicationControllers = Share(
            new Informer<V1ReplicationController, ReplicaItem>(client, ApiResources.ReplicationControllers, ReplicaItem.From, log, time),
            ApiResources.ReplicationControllers);
        ReplicaSets = Share(new Informer<V1ReplicaSet, ReplicaItem>(client, ApiResources.ReplicaSets, ReplicaItem.From, log, time), ApiResources.ReplicaSets);
        Deployments = Share(new Informer<V1Deployment, DeploymentItem>(client, ApiResources.Deployments, DeploymentItem.From, log, time), ApiResources.Deployments);
        StatefulSets = Share(new Informer<V1StatefulSet, StatefulSetItem>(client, ApiResources.StatefulSets, StatefulSetItem.From, log, time), ApiResources.StatefulSets);
        DaemonSets = Share(new Informer<V1DaemonSet, DaemonSetItem>(client, ApiResources.DaemonSets, DaemonSetItem.From, log, time), ApiResources.DaemonSets);
        Revisions = Share(
            new Informer<V1ControllerRevision, RevisionItem>(client, ApiResources.ControllerRevisions, RevisionItem.From, log, time), ApiResources.ControllerRevisions);
        RevisionIndex = new OwnerIndex<RevisionItem>().Follow(Revisions);
        ReplicaSetIndex = new OwnerIndex<ReplicaItem>().Follow(ReplicaSets);
        Slices = Share(new Informer<V1EndpointSlice, SliceItem>(client, ApiResources.EndpointSlices, SliceItem.From, log, time), ApiResources.EndpointSlices);
        Endpoints = Share(new Informer<V1Endpoints, EndpointsItem>(client, ApiResources.Endpoints, EndpointsItem.From, log, time), ApiResources.Endpoints);
        ConfigMaps = Share(new Informer<V1ConfigMap, ConfigMapItem>(client, ApiResources.ConfigMaps, ConfigMapItem.From, log, time), ApiResources.ConfigMaps);
        ServiceAccounts = Share(
            new Informer<V1ServiceAccount, MetadataItem>(client, ApiResources.ServiceAccounts, Metadata, log, time), ApiResources.ServiceAccounts);
        Leases = Share(new Informer<V1Lease, LeaseItem>(client, ApiResources.Leases, LeaseItem.From, log, time), ApiResources.Leases);
        _certificateRequests = new(() => Share(
            new Informer<V1CertificateSigningRequest, CertificateRequestItem>(client, ApiResources.CertificateSigningRequests, CertificateRequestItem.From, log, time),
            ApiResources.CertificateSigningRequests));
        PodIndex = new PodIndex(Pods);
        Selectors = new SelectorIndex();
        Services.Changed += change => Selectors.Apply(change.Key, Selector(change.Old), Selector(change.New));
    }

    public Informer<V1Pod, PodItem> Pods { get; }
    public Informer<V1Service, ServiceItem> Services { get; }
    public Informer<V1Node, NodeItem> Nodes { get; }
    public Informer<V1Namespace, NamespaceItem> Namespaces { get; }
    public Informer<V1ReplicationController, ReplicaItem> ReplicationControllers { get; }
    public Informer<V1ReplicaSet, ReplicaItem> ReplicaSets { get; }
    public Informer<V1Deployment, DeploymentItem> Deployments { get; }
    public Informer<V1StatefulSet, StatefulSetItem> StatefulSets { get; }
    public Informer<V1DaemonSet, DaemonSetItem> DaemonSets { get; }
    public Informer<V1ControllerRevision, RevisionItem> Revisions { get; }
    public OwnerIndex<RevisionItem> RevisionIndex { get; }
    public OwnerIndex<ReplicaItem> ReplicaSetIndex { get; }
    public Informer<V1EndpointSlice, SliceItem> Slices { get; }
    public Informer<V1Endpoints, EndpointsItem> Endpoints { get; }
    public Informer<V1ConfigMap, ConfigMapItem> ConfigMaps { get; }
    public Informer<V1ServiceAccount, MetadataItem> ServiceAccounts { get; }
    public Informer<V1Lease, LeaseItem> Leases { get; }

    /// <summary>Watched where a controller of theirs is at work, which on other clusters is not here.</summary>
    public Informer<V1CertificateSigningRequest, CertificateRequestItem> CertificateRequests => _certificateRequests.Value;

    public PodIndex PodIndex { get; }

    /// <summary>Services by what they select.</summary>
    public SelectorIndex Selectors { get; }

    /// <summary>Every kind that is cached here, for readers of metadata alone.</summary>
    public IReadOnlyList<IMetadataSource> Sources => _sources;

    public Task RunAsync(CancellationToken cancel) => Task.WhenAll(_sources.Select(source => source.RunAsync(cancel)));

    public Task Synced => Task.WhenAll(_sources.Select(source => source.Synced));

    private Informer<T, TItem> Share<T, TItem>(Informer<T, TItem> informer, ApiResource<T> resource)
        where T : class, IKubernetesObject<V1ObjectMeta>
        where TItem : class, ICached
    {
        _sources.Add(new MetadataSource<T, TItem>(ApiKind.Of(resource), informer));
        return informer;
    }

    private static MetadataItem Metadata<T>(T obj) where T : class, IKubernetesObject<V1ObjectMeta> =>
        new(ObjectKey.Of(obj), ObjectMeta.From(obj.Metadata));

    private static ValueMap? Selector(ServiceItem? service) => service is { SelectsPods: true } ? service.Selector : null;
}
