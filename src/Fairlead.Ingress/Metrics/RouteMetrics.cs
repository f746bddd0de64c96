using System.Collections.Concurrent;
using Fairlead.Kube;
using Fairlead.Kube.Health;

namespace Fairlead.Ingress.Metrics;

/// <summary>Counts of one Ingress and service. Any thread.</summary>
internal sealed class RouteMetrics(ObjectKey ingress, string service)
{
    /// <summary>Upper bounds in seconds, Prometheus' defaults, which ingress-nginx uses.</summary>
    internal static readonly double[] Bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    // A client may name any method, and each would be a series.
    private static readonly HashSet<string> Methods = new(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"], StringComparer.Ordinal);

    public ObjectKey Ingress { get; } = ingress;
    public string Service { get; } = service;

    /// <summary>By method and status.</summary>
    public ConcurrentDictionary<(string Method, int Status), Series> Requests { get; } = new();

    public long UpstreamErrors => Volatile.Read(ref _upstreamErrors);

    private long _upstreamErrors;

    public void UpstreamFailed() => Interlocked.Increment(ref _upstreamErrors);

    public void Observe(string method, int status, double seconds, long bytesOut) =>
        Requests.GetOrAdd((Methods.Contains(method) ? method : "OTHER", status), _ => new Series()).Add(seconds, bytesOut);

    /// <summary>One counter, one histogram, one sum of bytes.</summary>
    internal sealed class Series
    {
        private readonly long[] _buckets = new long[Bounds.Length + 1];
        private long _microseconds;
        private long _bytes;

        public long Count => _buckets.Sum();
        public long Bytes => Volatile.Read(ref _bytes);

        public LatencySnapshot Times() => LatencySnapshot.Of(Bounds, _buckets, Volatile.Read(ref _microseconds) / 1e6);

        public void Add(double seconds, long bytes)
        {
            var bucket = 0;
            while (bucket < Bounds.Length && seconds > Bounds[bucket]) bucket++;
            Interlocked.Increment(ref _buckets[bucket]);
            Interlocked.Add(ref _microseconds, (long)(seconds * 1e6));
            Interlocked.Add(ref _bytes, bytes);
        }
    }
}
