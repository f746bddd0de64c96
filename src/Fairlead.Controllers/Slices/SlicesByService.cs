using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Informers;
using k8s.Models;

namespace Fairlead.Controllers.Slices;

/// <summary>The slices of each service that one manager calls its own.</summary>
internal sealed class SlicesByService
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, Dictionary<ObjectKey, SliceItem>> _services = [];
    private readonly string _manager;

    public SlicesByService(Informer<V1EndpointSlice, SliceItem> slices, string manager)
    {
        _manager = manager;
        slices.Changed += Apply;
    }

    /// <summary>Without slices that are being deleted.</summary>
    public IReadOnlyList<SliceItem> Of(ObjectKey service)
    {
        lock (_lock)
        {
            return _services.TryGetValue(service, out var slices) ? [.. slices.Values.Where(slice => !slice.Meta.IsDeleting)] : [];
        }
    }

    private void Apply(InformerChange<SliceItem> change)
    {
        lock (_lock)
        {
            if (change.Old is { } old && _services.TryGetValue(old.Service, out var slices) && slices.Remove(old.Key) && slices.Count == 0)
                _services.Remove(old.Service);
            if (change.New is not { } now || now.ManagedBy != _manager) return;
            if (!_services.TryGetValue(now.Service, out var home)) _services[now.Service] = home = [];
            home[now.Key] = now;
        }
    }
}
