using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Slices;
using Fairlead.Kube;
using Fairlead.Kube.Informers;
using k8s.Models;

namespace Fairlead.Controllers.EndpointSliceMirroring;

/// <summary>Mirrors Endpoints kept by hand into EndpointSlices, which is what proxies and DNS read.</summary>
internal sealed class MirroringController : KeyedController<ObjectKey>
{
    private readonly Caches _caches;
    private readonly SlicesByService _slices;
    private readonly OwnWrites _writes;
    private readonly SliceWriter _writer;
    private readonly int _max;
    private readonly TimeProvider _time;

    public MirroringController(ControllerContext context)
        : base("endpointslicemirroring", workers: 2, context.Log("EndpointSliceMirroring"), context.Time)
    {
        _caches = context.Caches;
        _time = context.Time;
        _max = context.Options.MaxEndpointsPerSlice;
        _slices = new SlicesByService(_caches.Slices, MirroringPlan.ManagedBy);
        _writes = new OwnWrites(context.Time, key => _caches.Slices.Items.GetValueOrDefault(key));
        _writer = new SliceWriter(context.Client, _writes);
        _caches.Endpoints.Changed += change => Queue.Add(change.Key);
        _caches.Services.Changed += change => Queue.Add(change.Key);
        _caches.Slices.Changed += Observe;
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        var existing = _slices.Of(key);
        var endpoints = _caches.Endpoints.Items.GetValueOrDefault(key);
        if (endpoints is null && existing.Count == 0) return;
        if (!_writes.AreShown(key))
        {
            Queue.AddAfter(key, OwnWrites.Patience);
            return;
        }
        var isMirrored = endpoints is not null && MirroringPlan.IsMirrored(endpoints, _caches.Services.Items.GetValueOrDefault(key));
        var groups = isMirrored ? MirroringPlan.Groups(endpoints!) : [];
        var owner = Owner(key, endpoints);
        // Families without addresses get no empty slice here: what is not in the Endpoints is not mirrored.
        var families = groups.Select(group => group.AddressType).Distinct().ToList();
        var changes = SlicePlacement.Place(groups, existing, owner.Describes, families, _max);
        if (!changes.IsEmpty) await _writer.ApplyAsync(owner, changes, _time.GetUtcNow().UtcDateTime, cancel);
    }

    private static SliceOwner Owner(ObjectKey key, EndpointsItem? endpoints) => new(key, new V1OwnerReference
    {
        ApiVersion = "v1",
        Kind = "Endpoints",
        Name = key.Name,
        Uid = endpoints?.Meta.Uid,
        Controller = true,
        BlockOwnerDeletion = true,
    }, endpoints is null ? ValueMap.Empty : MirroringPlan.Labels(endpoints), endpoints is null ? null : MirroringPlan.Annotations(endpoints));

    private void Observe(InformerChange<SliceItem> change)
    {
        foreach (var slice in (ReadOnlySpan<SliceItem?>)[change.Old, change.New])
        {
            if (slice is null || slice.ManagedBy != MirroringPlan.ManagedBy || slice.Service.Name.Length == 0) continue;
            _writes.Observe(change.Key, slice.Service, change.New);
            Queue.Add(slice.Service);
        }
    }
}
