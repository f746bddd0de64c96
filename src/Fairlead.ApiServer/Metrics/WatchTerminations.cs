using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Fairlead.ApiServer.Resources;
using Fairlead.Kube.Health;

namespace Fairlead.ApiServer.Metrics;

/// <summary>Counts watches that the server ended because their clients did not keep up (Kubernetes Metrics Reference: apiserver_terminated_watchers_total).</summary>
internal sealed class WatchTerminations
{
    private readonly ConcurrentDictionary<Kind, StrongBox<long>> _counts = new();

    public void Add(Kind kind) => Interlocked.Increment(ref _counts.GetOrAdd(kind.Stored, static _ => new StrongBox<long>()).Value);

    public void Write(PrometheusText text)
    {
        text.Metric("apiserver_terminated_watchers_total", "counter", "Watches ended because their client did not keep up, by resource.");
        foreach (var (kind, count) in _counts) text.Sample("apiserver_terminated_watchers_total", $"group=\"{kind.Group}\",resource=\"{kind.Plural}\"", Interlocked.Read(ref count.Value));
    }
}
