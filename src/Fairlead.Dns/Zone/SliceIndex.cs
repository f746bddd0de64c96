using Fairlead.Kube;

namespace Fairlead.Dns.Zone;

/// <summary>The slices of each service. Safe for one writer and any readers.</summary>
internal sealed class SliceIndex
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, SortedDictionary<string, SliceInfo>> _services = [];

    internal void Change(ObjectKey slice, SliceInfo? old, SliceInfo? now)
    {
        lock (_lock)
        {
            if (old is not null && old.Service != now?.Service && _services.TryGetValue(old.Service, out SortedDictionary<string, SliceInfo>? slices))
            {
                slices.Remove(slice.Name);
                if (slices.Count == 0)
                {
                    _services.Remove(old.Service);
                }
            }
            if (now is not null)
            {
                if (!_services.TryGetValue(now.Service, out slices))
                {
                    _services[now.Service] = slices = new(StringComparer.Ordinal);
                }
                slices[slice.Name] = now;
            }
        }
    }

    /// <summary>In the order of their names, so that the same slices always make the same records.</summary>
    internal IReadOnlyList<SliceInfo> Of(ObjectKey service)
    {
        lock (_lock)
        {
            return _services.TryGetValue(service, out SortedDictionary<string, SliceInfo>? slices) ? [.. slices.Values] : [];
        }
    }
}
