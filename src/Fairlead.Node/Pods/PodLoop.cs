using System.Collections.Concurrent;
using Fairlead.Kube.Queues;
using Fairlead.Node.Api;
using Fairlead.Node.Metrics;
using Fairlead.Node.Runtime;
using Fairlead.Node.Volumes;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Pods;

/// <summary>All pods of the node: whatever changes about one, in the API or here, brings it to its worker.</summary>
internal sealed partial class PodLoop : IDisposable
{
    private const int Workers = 16;
    private readonly IPodApi _api;
    private readonly IContainerRuntime _runtime;
    private readonly PodAdmission _admission;
    private readonly ContainerStarter _starter;
    private readonly NodeContext _node;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly WorkQueue<string> _queue;
    private readonly ObjectWatches _watches;
    private readonly ConcurrentDictionary<string, V1Pod> _pods = new();
    private readonly ConcurrentDictionary<string, PodWorker> _workers = new();
    private volatile bool _isListed;

    public PodLoop(IPodApi api, IContainerRuntime runtime, ContainerStarter starter, NodeContext node, AgentMetrics metrics, TimeProvider time, ILogger log)
    {
        (_api, _runtime, _starter, _node, _time, _log, Metrics) = (api, runtime, starter, node, time, log, metrics);
        _queue = new WorkQueue<string>(time, TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(1));
        _watches = new ObjectWatches(api, OnVolumes);
        _admission = new PodAdmission(() => _pods.Values, node.Offer, () => _refuses, runtime, Preempt);
    }

    public AgentMetrics Metrics { get; }

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
            Ended?.Invoke();
        }
        if (now is null) return;
        if (now.Metadata.DeletionTimestamp is not null) Interrupt(now.Metadata.Uid);
        _pods[now.Metadata.Uid] = now;
        _queue.Add(now.Metadata.Uid);
        if (now.Status?.Phase is not ("Succeeded" or "Failed")) return;
        Ended?.Invoke();
        AskAgain();
    }

    /// <summary>Runs until cancelled.</summary>
    /// <param name="listed">The first list of pods has been observed: what nobody has told of then is taken down. Before, it is left as it is.</param>
    public async Task RunAsync(Task listed, CancellationToken cancel)
    {
        _runtime.Changed += _queue.Add;
        _starter.Images.Changed += OnImages;
        await Task.WhenAll(TakeStockAsync(listed, cancel), QueueWorkers.RunAsync("pod", _queue, SyncAsync, Workers, _log, cancel));
        _runtime.Changed -= _queue.Add;
        _starter.Images.Changed -= OnImages;
    }

    private async Task TakeStockAsync(Task listed, CancellationToken cancel)
    {
        await listed.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!listed.IsCompletedSuccessfully) return;
        _isListed = true;
        foreach (var uid in _runtime.PodUids.Union(_workers.Keys)) _queue.Add(uid);
    }

    public void Dispose()
    {
        foreach (var worker in _workers.Values) worker.Dispose();
        _watches.Dispose();
        _queue.Dispose();
    }

    private void Interrupt(string uid)
    {
        if (_workers.TryGetValue(uid, out var worker)) worker.InterruptHooks();
    }

    private void Preempt(V1Pod victim)
    {
        WorkerOf(victim.Metadata.Uid).Preempt(victim);
        _queue.Add(victim.Metadata.Uid);
    }

    /// <summary>There may be room for who waits for it.</summary>
    private void AskAgain()
    {
        foreach (var uid in _admission.Waiting) _queue.Add(uid);
    }

    private PodWorker WorkerOf(string uid) =>
        _workers.GetOrAdd(uid, _ => new PodWorker(_api, _runtime, _admission, _starter, _watches, _node, Metrics, _time, _log, _queue.AddAfter));

    private void OnVolumes(string uid)
    {
        if (!_workers.TryGetValue(uid, out var worker)) return;
        worker.NoticeVolumes();
        _queue.Add(uid);
    }

    private void OnImages()
    {
        foreach (var (uid, worker) in _workers)
        {
            if (worker.NoticeImages()) _queue.Add(uid);
        }
    }

    private async Task SyncAsync(string uid, CancellationToken cancel)
    {
        if (!_isListed && !_pods.ContainsKey(uid)) return;
        var isKnown = _workers.ContainsKey(uid);
        var began = _time.GetTimestamp();
        _pods.TryGetValue(uid, out var pod);
        var worker = WorkerFor(uid, pod);
        await worker.SyncAsync(uid, pod, cancel);
        Metrics.Passed(pod is null or { Metadata.DeletionTimestamp: not null } ? "kill" : isKnown ? "sync" : "create", _time.GetElapsedTime(began));
        if (pod is not null || _runtime.PodUids.Contains(uid) || !_workers.TryRemove(uid, out var done)) return;
        _admission.Forget(uid);
        AskAgain();
        Metrics.Probes.Forget(uid);
        done.Dispose();
    }
}
