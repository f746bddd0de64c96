using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Slices;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.Endpoints;

/// <summary>Keeps the legacy Endpoints object of each service with a selector.</summary>
internal sealed class EndpointsController : KeyedController<ObjectKey>
{
    private const string OverCapacity = "endpoints.kubernetes.io/over-capacity";
    private const string TriggerTime = "endpoints.kubernetes.io/last-change-trigger-time";

    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly TriggerTimes _triggers = new();

    public EndpointsController(ControllerContext context)
        : base("endpoints", workers: 5, context.Log("Endpoints"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _caches.Services.Changed += change => Queue.Add(change.Key);
        _caches.Endpoints.Changed += change => Queue.Add(change.Key);
        ServicesOfPods.Follow(_caches, Queue.Add);
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        var present = _caches.Endpoints.Items.GetValueOrDefault(key);
        if (_caches.Services.Items.GetValueOrDefault(key) is not { } service)
        {
            _triggers.Forget(key);
            if (present is not null) await DeleteOrphanAsync(present, cancel);
            return;
        }
        if (!service.SelectsPods || service.Meta.IsDeleting) return;
        var pods = _caches.PodIndex.Selected(key.Namespace, service.Selector);
        var draft = EndpointsPlan.Draft(service, pods);
        var trigger = _triggers.Advance(service, pods);
        if (present is null) await _client.CreateAsync(ApiResources.Endpoints, Compose(key, draft, null, trigger), cancel);
        else if (!IsCurrent(present, draft)) await _client.ReplaceAsync(ApiResources.Endpoints, Compose(key, draft, present, trigger), null, cancel);
        _triggers.Published(key);
    }

    /// <summary>Endpoints without a service go, except those that served for leader election and never had one.</summary>
    private async Task DeleteOrphanAsync(EndpointsItem present, CancellationToken cancel)
    {
        if (present.Meta.IsDeleting || present.Annotations.ContainsKey("control-plane.alpha.kubernetes.io/leader")) return;
        // Made by hand before its service: only what this controller made is known to have had one.
        if (!present.Labels.ContainsKey("endpoints.kubernetes.io/managed-by")) return;
        // The cache of services may lag behind that of endpoints at start; ask before deleting.
        if (await _client.FindAsync(ApiResources.Services, present.Key.Namespace, present.Key.Name, cancel) is not null) return;
        var options = new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = present.Meta.Uid } };
        await _client.DeleteAsync(ApiResources.Endpoints, present.Key, options, cancel);
    }

    private static bool IsCurrent(EndpointsItem present, EndpointsDraft draft) =>
        present.Labels.Equals(draft.Labels)
        && present.Subsets.Equals(draft.Subsets)
        && present.Annotations.ContainsKey(OverCapacity) == draft.IsTruncated;

    private static V1Endpoints Compose(ObjectKey key, EndpointsDraft draft, EndpointsItem? present, DateTime? trigger)
    {
        var annotations = present?.Annotations.ToDictionary() ?? [];
        annotations.Remove(TriggerTime);
        annotations.Remove(OverCapacity);
        if (trigger is { } time) annotations[TriggerTime] = Timestamps.Seconds(time);
        if (draft.IsTruncated) annotations[OverCapacity] = "truncated";
        return new V1Endpoints
        {
            Metadata = new V1ObjectMeta
            {
                Name = key.Name,
                NamespaceProperty = key.Namespace,
                Labels = draft.Labels.ToDictionary(),
                Annotations = annotations.Count == 0 ? null : annotations,
                ResourceVersion = present is null ? null : ResourceVersion.Text(present.Version),
                Uid = present?.Meta.Uid,
                Finalizers = present is { Meta.Finalizers.Count: > 0 } ? [.. present.Meta.Finalizers] : null,
            },
            Subsets = draft.Subsets.Count == 0 ? null : [.. draft.Subsets.Select(ToModel)],
        };
    }

    private static V1EndpointSubset ToModel(Subset subset) => new()
    {
        Addresses = subset.Ready.Count == 0 ? null : [.. subset.Ready.Select(ToModel)],
        NotReadyAddresses = subset.NotReady.Count == 0 ? null : [.. subset.NotReady.Select(ToModel)],
        Ports = subset.Ports.Count == 0 ? null : [.. subset.Ports.Select(ToModel)],
    };

    private static V1EndpointAddress ToModel(SubsetAddress address) =>
        new() { Ip = address.Ip, NodeName = address.NodeName, Hostname = address.Hostname, TargetRef = address.Target?.ToReference() };

    private static Corev1EndpointPort ToModel(SubsetPort port) =>
        new() { Name = port.Name.Length == 0 ? null : port.Name, Port = port.Port, Protocol = port.Protocol, AppProtocol = port.AppProtocol };
}
