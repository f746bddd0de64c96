using System.Collections.Concurrent;
using Fairlead.Kube;

namespace Fairlead.Ingress.Metrics;

/// <summary>The counts of every Ingress and service that has routes.</summary>
internal sealed class MetricsRegistry
{
    private readonly ConcurrentDictionary<(ObjectKey Ingress, string Service), RouteMetrics> _routes = new();

    internal IEnumerable<RouteMetrics> All => _routes.Values;

    internal RouteMetrics Get(ObjectKey ingress, string service) => _routes.GetOrAdd((ingress, service), key => new RouteMetrics(key.Ingress, key.Service));

    /// <summary>The Ingress is gone, and so are its series.</summary>
    internal void Remove(ObjectKey ingress)
    {
        foreach (var key in _routes.Keys.Where(key => key.Ingress == ingress)) _routes.TryRemove(key, out _);
    }
}
