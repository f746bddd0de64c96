using System.Collections.Concurrent;
using System.Net;
using Fairlead.Ingress.Routes;
using Fairlead.Kube;

namespace Fairlead.Ingress.Proxy;

/// <summary>Requests and connections of each client address to each Ingress: nginx' leaky bucket without delay. Bounded in memory.</summary>
internal sealed class RateLimiter(TimeProvider time)
{
    private const int MostClients = 100_000;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<(ObjectKey Ingress, IPAddress Client, int PerMinute), Bucket> _buckets = new();
    private readonly ConcurrentDictionary<(ObjectKey Ingress, IPAddress Client), int> _connections = new();

    /// <summary>False: too many, to be refused. True: to be followed by <see cref="Leave"/>.</summary>
    internal bool TryEnter(Route route, IPAddress client)
    {
        var limits = route.Options.Limits;
        if (limits.IsNone || Policy.Contains(limits.Exempt, client)) return true;
        if (limits.RequestsPerSecond > 0 && !Take(route.Ingress, client, limits.RequestsPerSecond * 60, limits.RequestsPerSecond * limits.BurstMultiplier)) return false;
        if (limits.RequestsPerMinute > 0 && !Take(route.Ingress, client, limits.RequestsPerMinute, limits.RequestsPerMinute * limits.BurstMultiplier)) return false;
        if (limits.Connections == 0) return true;
        if (_connections.AddOrUpdate((route.Ingress, client), 1, (_, count) => count + 1) <= limits.Connections) return true;
        Leave(route, client);
        return false;
    }

    internal void Leave(Route route, IPAddress client)
    {
        var limits = route.Options.Limits;
        if (limits.Connections == 0 || Policy.Contains(limits.Exempt, client)) return;
        var key = (route.Ingress, client);
        if (_connections.AddOrUpdate(key, 0, (_, count) => Math.Max(0, count - 1)) == 0) _connections.TryRemove(KeyValuePair.Create(key, 0));
    }

    private bool Take(ObjectKey ingress, IPAddress client, int perMinute, int burst)
    {
        if (_buckets.Count > MostClients) Forget();
        var bucket = _buckets.GetOrAdd((ingress, client, perMinute), _ => new Bucket(time.GetTimestamp()));
        return bucket.TryTake(time.GetTimestamp(), Minute.TotalSeconds * time.TimestampFrequency / perMinute, burst);
    }

    private void Forget()
    {
        var now = time.GetTimestamp();
        foreach (var (key, bucket) in _buckets)
        {
            if (bucket.IsEmpty(now, Minute.TotalSeconds * time.TimestampFrequency / key.PerMinute)) _buckets.TryRemove(key, out _);
        }
        // More clients within a minute than can be told apart: all begin anew.
        if (_buckets.Count > MostClients) _buckets.Clear();
    }

    /// <summary>Excess drains at the allowed rate; a request that finds more than the burst in it is refused.</summary>
    private sealed class Bucket(long start)
    {
        private readonly Lock _lock = new();
        private double _excess = -1;
        private long _last = start;

        internal bool TryTake(long now, double ticksARequest, int burst)
        {
            lock (_lock)
            {
                var excess = Math.Max(-1, _excess - ((now - _last) / ticksARequest)) + 1;
                if (excess > burst) return false;
                (_excess, _last) = (excess, now);
                return true;
            }
        }

        internal bool IsEmpty(long now, double ticksARequest)
        {
            lock (_lock) return _excess - ((now - _last) / ticksARequest) <= -1;
        }
    }
}
