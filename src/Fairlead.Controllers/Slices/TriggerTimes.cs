using Fairlead.Controllers.Cache;
using Fairlead.Kube;

namespace Fairlead.Controllers.Slices;

/// <summary>
/// When the change happened that a sync is about to publish: the earliest among pods whose readiness changed since the
/// last sync, and the service's creation at its first. Proxies measure programming latency from it.
/// </summary>
internal sealed class TriggerTimes
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, Dictionary<string, DateTime>> _services = [];

    /// <summary>Null where nothing datable changed, for example if a pod vanished.</summary>
    public DateTime? Advance(ServiceItem service, IReadOnlyCollection<PodItem> pods)
    {
        var now = new Dictionary<string, DateTime>(pods.Count);
        foreach (var pod in pods)
        {
            if (pod.ReadyChanged is { } changed) now[pod.Meta.Uid] = changed;
        }
        lock (_lock)
        {
            var isFirst = !_services.TryGetValue(service.Key, out var before);
            _services[service.Key] = now;
            DateTime? earliest = isFirst ? service.Meta.Created : null;
            foreach (var (uid, changed) in now)
            {
                if (before?.GetValueOrDefault(uid) == changed) continue;
                if (earliest is null || changed < earliest) earliest = changed;
            }
            return earliest;
        }
    }

    public void Forget(ObjectKey service)
    {
        lock (_lock) _services.Remove(service);
    }
}
