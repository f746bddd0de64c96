using System.Collections.Immutable;
using Fairlead.Node.Pods.Static;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>The end of the node's pods with their machine.</summary>
internal sealed partial class PodLoop
{
    private volatile bool _refuses;

    /// <summary>A pod has come to its end in the API, or has gone from there.</summary>
    private event Action? Ended;

    /// <summary>From now on every pod that comes is refused.</summary>
    public void Refuse() => _refuses = true;

    /// <summary>The node takes pods again, and its static ones that have ended begin anew.</summary>
    public void Resume()
    {
        _refuses = false;
        foreach (var (uid, pod) in _pods)
        {
            if (StaticPodFile.IsStatic(pod)) _queue.Add(uid);
        }
    }

    /// <summary>The worker of a static pod that begins anew is another: the one before has given up all that it did.</summary>
    private PodWorker WorkerFor(string uid, V1Pod? pod)
    {
        var worker = WorkerOf(uid);
        if (_refuses || !worker.IsEvicted || pod is null || !StaticPodFile.IsStatic(pod)) return worker;
        _workers.TryRemove(uid, out _);
        worker.Dispose();
        return WorkerOf(uid);
    }

    /// <summary>Ends pods and waits until the API has their ends, but no longer than they have time.</summary>
    /// <returns>How many have not ended.</returns>
    public async Task<int> EndAsync(ImmutableArray<V1Pod> pods, TimeSpan limit, CancellationToken cancel)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Ended += Look;
        try
        {
            foreach (var uid in pods.Select(pod => pod.Metadata.Uid))
            {
                WorkerOf(uid).Evict(PodEviction.ByShutdown(limit));
                _queue.Add(uid);
            }
            Look();
            await done.Task.WaitAsync(limit, _time, cancel);
            return 0;
        }
        catch (TimeoutException)
        {
            return pods.Count(IsGoing);
        }
        finally
        {
            Ended -= Look;
        }

        void Look()
        {
            if (!pods.Any(IsGoing)) done.TrySetResult();
        }
    }

    private bool IsGoing(V1Pod pod) => _pods.TryGetValue(pod.Metadata.Uid, out var now) && now.Status?.Phase is not ("Succeeded" or "Failed");
}
