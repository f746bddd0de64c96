using System.Collections.Concurrent;
using Fairlead.Kube.Queues;
using Fairlead.Node.Api;
using Fairlead.Node.Runtime;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Pods;

/// <summary>All pods of the node: whatever changes about one, in the API or here, brings it to its worker.</summary>
internal sealed class PodLoop : IDisposable
{
    private const int Workers = 16;
    private readonly IPodApi _api;
    private readonly IContainerRuntime _runtime;
    private readonly ContainerStarter _starter;
    private readonly NodeContext _node;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly WorkQueue<string> _queue;
    private readonly ConcurrentDictionary<string, V1Pod> _pods = new();
    private readonly ConcurrentDictionary<string, PodWorker> _workers = new();

    public PodLoop(IPodApi api, IContainerRuntime runtime, ContainerStarter starter, NodeContext node, TimeProvider time, ILogger log)
    {
        (_api, _runtime, _starter, _node, _time, _log) = (api, runtime, starter, node, time, log);
        _queue = new WorkQueue<string>(time, TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(1));
    }

    /// <summary>The pods that the API has for this node.</summary>
    public ICollection<V1Pod> Pods => _pods.Values;

    public V1Pod? Find(string ns, string name) => _pods.Values.FirstOrDefault(pod => pod.Metadata.Name == name && pod.Metadata.NamespaceProperty == ns);

    /// <summary>Tells of a change in the API; the two may be different pods of one name.</summary>
    public void Observe(V1Pod? old, V1Pod? now)
    {
        if (old is not null && old.Metadata.Uid != now?.Metadata.Uid)
        {
            Interrupt(old.Metadata.Uid);
            _pods.TryRemove(old.Metadata.Uid, out _);
            _queue.Add(old.Metadata.Uid);
        }
        if (now is null) return;
        if (now.Metadata.DeletionTimestamp is not null) Interrupt(now.Metadata.Uid);
        _pods[now.Metadata.Uid] = now;
        _queue.Add(now.Metadata.Uid);
    }

    /// <summary>Runs until cancelled. Start it when the first list of pods has been observed: what it does not tell of is taken down.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        _runtime.Changed += _queue.Add;
        foreach (var uid in _runtime.PodUids) _queue.Add(uid);
        await QueueWorkers.RunAsync("pod", _queue, SyncAsync, Workers, _log, cancel);
        _runtime.Changed -= _queue.Add;
    }

    public void Dispose()
    {
        foreach (var worker in _workers.Values) worker.Dispose();
        _queue.Dispose();
    }

    private void Interrupt(string uid)
    {
        if (_workers.TryGetValue(uid, out var worker)) worker.InterruptHooks();
    }

    private async Task SyncAsync(string uid, CancellationToken cancel)
    {
        var worker = _workers.GetOrAdd(uid, _ => new PodWorker(_api, _runtime, _starter, _node, _time, _log, _queue.AddAfter));
        _pods.TryGetValue(uid, out var pod);
        await worker.SyncAsync(uid, pod, cancel);
        if (pod is null && !_runtime.PodUids.Contains(uid)) _workers.TryRemove(uid, out _);
    }
}
