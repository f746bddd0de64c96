namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>How far the sink has seen, and who waits for it to see further.</summary>
internal sealed class Arrivals
{
    private readonly Lock _lock = new();
    private readonly PriorityQueue<TaskCompletionSource, long> _waiting = new();
    private long _seen;

    public long Seen => Volatile.Read(ref _seen);

    public void Advance(long revision)
    {
        lock (_lock)
        {
            if (revision <= _seen) return;
            Volatile.Write(ref _seen, revision);
            while (_waiting.TryPeek(out var waiter, out var wanted) && wanted <= revision)
            {
                _waiting.Dequeue();
                waiter.SetResult();
            }
        }
    }

    /// <summary>Done when the sink has seen the revision.</summary>
    public Task WaitAsync(long revision)
    {
        lock (_lock)
        {
            if (revision <= _seen) return Task.CompletedTask;
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(waiter, revision);
            return waiter.Task;
        }
    }
}
