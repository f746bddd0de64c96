using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Slices;
using Fairlead.Kube;
using Fairlead.Kube.Informers;
using k8s.Models;

namespace Fairlead.Controllers.EndpointSlices;

/// <summary>Keeps the EndpointSlices of services with a selector.</summary>
internal sealed class EndpointSliceController : KeyedController<ObjectKey>
{
    private readonly Caches _caches;
    private readonly SlicesByService _slices;
    private readonly OwnWrites _writes;
    private readonly SliceWriter _writer;
    private readonly TriggerTimes _triggers = new();
    private readonly int _max;

    public EndpointSliceController(ControllerContext context)
        : base("endpointslice", workers: 5, context.Log("EndpointSlices"), context.Time)
    {
        _caches = context.Caches;
        _max = context.Options.MaxEndpointsPerSlice;
        _slices = new SlicesByService(_caches.Slices, EndpointSlicePlan.ManagedBy);
        _writes = new OwnWrites(context.Time, key => _caches.Slices.Items.GetValueOrDefault(key));
        _writer = new SliceWriter(context.Client, _writes);
        _caches.Services.Changed += change => Queue.Add(change.Key);
        _caches.Slices.Changed += Observe;
        _caches.Nodes.Changed += Observe;
        _caches.Pods.Changed += change => _triggers.Observe(change, context.Time.GetUtcNow().UtcDateTime);
        ServicesOfPods.Follow(_caches, Queue.Add);
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (_caches.Services.Items.GetValueOrDefault(key) is not { } service)
        {
            _triggers.Forget(key);
            return;
        }
        // A service without selector is left alone: its slices are somebody else's work. One on its way out takes its slices along.
        if (!service.SelectsPods || service.Meta.IsDeleting) return;
        if (!_writes.AreShown(key))
        {
            Queue.AddAfter(key, OwnWrites.Patience);
            return;
        }
        var pods = _caches.PodIndex.Selected(key.Namespace, service.Selector);
        var nodes = _caches.Nodes.Items;
        var groups = EndpointSlicePlan.Groups(service, pods, name => nodes.GetValueOrDefault(new ObjectKey("", name)));
        var owner = Owner(service);
        var changes = SlicePlacement.Place(groups, _slices.Of(key), owner.Describes, service.Families, _max);
        var trigger = _triggers.Advance(service, pods);
        if (!changes.IsEmpty) await _writer.ApplyAsync(owner, changes, trigger, cancel);
        _triggers.Published(key);
    }

    private static SliceOwner Owner(ServiceItem service) => new(service.Key, new V1OwnerReference
    {
        ApiVersion = "v1",
        Kind = "Service",
        Name = service.Key.Name,
        Uid = service.Meta.Uid,
        Controller = true,
        BlockOwnerDeletion = true,
    }, EndpointSlicePlan.Labels(service));

    private void Observe(InformerChange<SliceItem> change)
    {
        foreach (var slice in (ReadOnlySpan<SliceItem?>)[change.Old, change.New])
        {
            if (slice is null || slice.ManagedBy != EndpointSlicePlan.ManagedBy || slice.Service.Name.Length == 0) continue;
            _writes.Observe(change.Key, slice.Service, change.New);
            Queue.Add(slice.Service);
        }
    }

    /// <summary>Endpoints carry their node's zone.</summary>
    private void Observe(InformerChange<NodeItem> change)
    {
        if (change.Old?.Zone == change.New?.Zone) return;
        foreach (var pod in _caches.PodIndex.OnNode(change.Key.Name))
        {
            foreach (var service in _caches.Selectors.Selecting(pod.Key.Namespace, pod.Labels)) Queue.Add(service);
        }
    }
}
