using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Informers;

namespace Fairlead.Controllers.Slices;

/// <summary>
/// When the change happened that a sync is about to publish: the earliest among pods whose readiness changed since the
/// last sync, and the service's creation at its first. Proxies measure programming latency from it.
/// </summary>
internal sealed class TriggerTimes
{
    private readonly Lock _lock = new();
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly Dictionary<ObjectKey, Dictionary<string, DateTime>> _services = [];
    private readonly Dictionary<ObjectKey, DateTime> _unpublished = [];
    private readonly Dictionary<string, (DateTime Told, DateTime Seen)> _seen = [];

    /// <summary>
    /// Conditions tell their times to the second, which is too coarse for what takes milliseconds. A change whose moment nobody has told, and that is
    /// heard of within its second, counts from the moment when it was heard of. To be told before the sync.
    /// </summary>
    public void Observe(InformerChange<PodItem> change, DateTime now)
    {
        lock (_lock)
        {
            if (change.Old is { } old && old.Meta.Uid != change.New?.Meta.Uid) _seen.Remove(old.Meta.Uid);
            if (change.New is { ReadyMoment: null, ReadyChanged: { } told } pod && told != change.Old?.ReadyChanged && now - told < Second) _seen[pod.Meta.Uid] = (told, now);
        }
    }

    /// <summary>
    /// Null where nothing datable changed, for example if a pod vanished. What it answers is answered again, where nothing earlier comes, until it
    /// has been published: a write that failed must not lose it.
    /// </summary>
    public DateTime? Advance(ServiceItem service, IReadOnlyCollection<PodItem> pods)
    {
        var now = new Dictionary<string, DateTime>(pods.Count);
        foreach (var pod in pods)
        {
            if ((pod.ReadyMoment ?? pod.ReadyChanged) is { } changed) now[pod.Meta.Uid] = changed;
        }
        lock (_lock)
        {
            var isFirst = !_services.TryGetValue(service.Key, out var before);
            _services[service.Key] = now;
            DateTime? earliest = isFirst ? service.Meta.Created : null;
            if (_unpublished.TryGetValue(service.Key, out var waiting)) earliest = waiting;
            foreach (var (uid, changed) in now)
            {
                if (before?.GetValueOrDefault(uid) == changed) continue;
                var at = _seen.TryGetValue(uid, out var known) && known.Told == changed ? known.Seen : changed;
                if (earliest is null || at < earliest) earliest = at;
            }
            if (earliest is { } answer) _unpublished[service.Key] = answer;
            return earliest;
        }
    }

    /// <summary>The sync has written what changed, or there was nothing to write.</summary>
    public void Published(ObjectKey service)
    {
        lock (_lock) _unpublished.Remove(service);
    }

    public void Forget(ObjectKey service)
    {
        lock (_lock)
        {
            _services.Remove(service);
            _unpublished.Remove(service);
        }
    }
}
