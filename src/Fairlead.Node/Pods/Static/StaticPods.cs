using System.Collections.Concurrent;
using Fairlead.Kube;
using Fairlead.Kube.Queues;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Pods.Static;

/// <summary>
/// The pods that files of the node describe, and their mirrors in the API (Kubernetes documentation: "Create static Pods"). A file that changed
/// makes another pod of the same name, which starts when the one before has ended.
/// </summary>
internal sealed class StaticPods(StaticPodFolder folder, IMirrorApi api, Func<V1OwnerReference> node, ILogger log, TimeProvider time) : IDisposable
{
    private readonly WorkQueue<ObjectKey> _queue = new(time, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1));
    private readonly ConcurrentDictionary<ObjectKey, V1Pod> _mirrors = new();
    private readonly Dictionary<ObjectKey, V1Pod> _wanted = [];
    private readonly Dictionary<ObjectKey, V1Pod> _running = [];
    private readonly Lock _lock = new();

    /// <summary>Tells of a pod to run as of one that changed in the API: before and now.</summary>
    public event Action<V1Pod?, V1Pod?>? Changed;

    /// <summary>Reads the files; what they say is told before this ends.</summary>
    public void Load()
    {
        var pods = folder.Read();
        lock (_lock)
        {
            _wanted.Clear();
            foreach (var pod in pods) _wanted[ObjectKey.Of(pod)] = pod;
            foreach (var key in _wanted.Keys.Union(_running.Keys).ToList()) Settle(key);
        }
    }

    /// <summary>A mirror of this node has come, changed or gone.</summary>
    public void ObserveMirror(V1Pod? old, V1Pod? now)
    {
        if (now is not null) _mirrors[ObjectKey.Of(now)] = now;
        else if (old is not null) _mirrors.TryRemove(ObjectKey.Of(old), out _);
        if ((now ?? old) is not { } any) return;
        var key = ObjectKey.Of(any);
        lock (_lock)
        {
            if (_running.TryGetValue(key, out var running)) Tell(running, running);
        }
        _queue.Add(key);
    }

    /// <summary>The mirror that the API has of a static pod; null: none yet.</summary>
    public V1Pod? MirrorOf(V1Pod pod) => _mirrors.TryGetValue(ObjectKey.Of(pod), out var mirror) && MirrorRule.Decide(pod, mirror) == MirrorStep.Nothing ? mirror : null;

    /// <summary>Nothing of the pod is left on the node.</summary>
    public void Gone(V1Pod pod)
    {
        var key = ObjectKey.Of(pod);
        lock (_lock)
        {
            if (!_running.TryGetValue(key, out var running) || running.Metadata.Uid != pod.Metadata.Uid) return;
            _running.Remove(key);
            Changed?.Invoke(running, null);
            Settle(key);
        }
    }

    /// <summary>Follows the files and keeps the mirrors true, until cancelled.</summary>
    /// <param name="listed">The mirrors that are there already have been observed. The pods run before, the mirrors wait for it.</param>
    public Task RunAsync(Task listed, CancellationToken cancel) => Task.WhenAll(folder.RunAsync(Load, cancel), MirrorAsync(listed, cancel));

    private async Task MirrorAsync(Task listed, CancellationToken cancel)
    {
        await listed.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (cancel.IsCancellationRequested) return;
        foreach (var key in _mirrors.Keys) _queue.Add(key);
        await QueueWorkers.RunAsync("mirror", _queue, SyncAsync, 1, log, cancel);
    }

    public void Dispose()
    {
        folder.Dispose();
        _queue.Dispose();
    }

    /// <summary>Under the lock: begins what is wanted where nothing runs, and ends what runs and is not wanted any more.</summary>
    private void Settle(ObjectKey key)
    {
        _queue.Add(key);
        var wanted = _wanted.GetValueOrDefault(key);
        if (_running.TryGetValue(key, out var running))
        {
            if (wanted?.Metadata.Uid == running.Metadata.Uid || running.Metadata.DeletionTimestamp is not null) return;
            var grace = running.Spec.TerminationGracePeriodSeconds ?? 30;
            running.Metadata.DeletionTimestamp = time.GetUtcNow().AddSeconds(grace).UtcDateTime;
            running.Metadata.DeletionGracePeriodSeconds = grace;
            Tell(running, running);
        }
        else if (wanted is not null)
        {
            _running[key] = wanted;
            Tell(null, wanted);
        }
    }

    private void Tell(V1Pod? old, V1Pod running) => Changed?.Invoke(old, MirrorRule.Seen(running, _mirrors.GetValueOrDefault(ObjectKey.Of(running))));

    private async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        V1Pod? running;
        lock (_lock) running = _running.GetValueOrDefault(key);
        var mirror = _mirrors.GetValueOrDefault(key);
        switch (MirrorRule.Decide(running, mirror))
        {
            case MirrorStep.Create:
                if (await api.CreateAsync(MirrorRule.Of(running!, node()), cancel) is not { } failure) break;
                StaticPodLog.NotMirrored(log, key.ToString(), failure);
                _queue.AddAfter(key, TimeSpan.FromSeconds(5));
                break;
            case MirrorStep.Delete:
                await api.DeleteAsync(mirror!, cancel);
                break;
            default:
                break;
        }
    }
}

/// <summary>What of the API mirrors need.</summary>
internal interface IMirrorApi
{
    /// <summary>Answers why it was refused, or null; one of that name that is there already is no failure.</summary>
    Task<string?> CreateAsync(V1Pod mirror, CancellationToken cancel);

    /// <summary>Deletes the pod of that UID at once; one that is gone is no failure.</summary>
    Task DeleteAsync(V1Pod mirror, CancellationToken cancel);
}
