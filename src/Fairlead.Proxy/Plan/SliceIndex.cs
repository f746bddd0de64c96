using Fairlead.Kube;

namespace Fairlead.Proxy.Plan;

/// <summary>The slices of each service. Safe for one writer and any readers.</summary>
internal sealed class SliceIndex
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, Dictionary<ObjectKey, SliceInfo>> _services = [];

    internal void Change(ObjectKey slice, SliceInfo? old, SliceInfo? now)
    {
        lock (_lock)
        {
            if (old is not null && old.Service != now?.Service && _services.TryGetValue(old.Service, out Dictionary<ObjectKey, SliceInfo>? slices))
            {
                slices.Remove(slice);
                if (slices.Count == 0)
                {
                    _services.Remove(old.Service);
                }
            }
            if (now is not null)
            {
                if (!_services.TryGetValue(now.Service, out slices))
                {
                    _services[now.Service] = slices = [];
                }
                slices[slice] = now;
            }
        }
    }

    internal IReadOnlyCollection<SliceInfo> Of(ObjectKey service)
    {
        lock (_lock)
        {
            return _services.TryGetValue(service, out Dictionary<ObjectKey, SliceInfo>? slices) ? [.. slices.Values] : [];
        }
    }
}
