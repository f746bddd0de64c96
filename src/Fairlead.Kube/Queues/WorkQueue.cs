namespace Fairlead.Kube.Queues;

/// <summary>
/// A queue of keys in which a key stands at most once, also while it is being worked on: a key added meanwhile comes
/// back when its work is done. Failed keys come back after a delay that doubles (client-go's workqueue semantics).
/// </summary>
public sealed class WorkQueue<TKey>(TimeProvider time, TimeSpan? firstBackOff = null, TimeSpan? longestBackOff = null) : IDisposable
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly Queue<TKey> _ready = new();
    private readonly HashSet<TKey> _dirty = [];
    private readonly HashSet<TKey> _working = [];
    private readonly Dictionary<TKey, int> _failures = [];
    private readonly Dictionary<TKey, ITimer> _delayed = [];
    private readonly SemaphoreSlim _available = new(0);
    private bool _disposed;
    private readonly TimeSpan _first = firstBackOff ?? TimeSpan.FromMilliseconds(5);
    private readonly TimeSpan _longest = longestBackOff ?? TimeSpan.FromSeconds(60);

    /// <summary>Keys ready to be taken.</summary>
    public int Count
    {
        get { lock (_lock) return _ready.Count; }
    }

    public void Add(TKey key)
    {
        lock (_lock)
        {
            // A timer that was firing already may come after the end.
            if (_disposed || !_dirty.Add(key) || _working.Contains(key)) return;
            _ready.Enqueue(key);
            _available.Release();
        }
    }

    /// <summary>Adds the key after a delay; a shorter delay for the same key wins over a longer one that is still running.</summary>
    public void AddAfter(TKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }
        lock (_lock)
        {
            if (_disposed) return;
            var due = time.GetTimestamp() + (long)(delay.TotalSeconds * time.TimestampFrequency);
            if (_delayed.TryGetValue(key, out var running))
            {
                if (((Delay)running).Due <= due) return;
                running.Dispose();
            }
            var pending = new Delay(due);
            _delayed[key] = pending;
            pending.Start(time.CreateTimer(_ => Fire(key, pending), null, delay, Timeout.InfiniteTimeSpan));
        }
    }

    /// <summary>Says that work on the key failed: it comes back after its back-off.</summary>
    public void AddWithBackOff(TKey key)
    {
        int failures;
        lock (_lock)
        {
            failures = _failures.GetValueOrDefault(key);
            _failures[key] = failures + 1;
        }
        var delay = _first * Math.Pow(2, Math.Min(failures, 30));
        AddAfter(key, delay < _longest ? delay : _longest);
    }

    /// <summary>Says that work on the key succeeded: its next failure starts from the first back-off again.</summary>
    public void Forget(TKey key)
    {
        lock (_lock) _failures.Remove(key);
    }

    /// <summary>Waits for a key; the caller works on it and calls <see cref="Done"/>.</summary>
    public async Task<TKey> TakeAsync(CancellationToken cancel)
    {
        await _available.WaitAsync(cancel);
        lock (_lock)
        {
            var key = _ready.Dequeue();
            _dirty.Remove(key);
            _working.Add(key);
            return key;
        }
    }

    public void Done(TKey key)
    {
        lock (_lock)
        {
            _working.Remove(key);
            if (!_disposed && _dirty.Contains(key))
            {
                _ready.Enqueue(key);
                _available.Release();
            }
            else if (_working.Count == 0 && _dirty.Count == 0)
            {
                Shrink();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var timer in _delayed.Values) timer.Dispose();
            _delayed.Clear();
            _disposed = true;
            _available.Dispose();
        }
    }

    /// <summary>What the first list filled is not needed again.</summary>
    private void Shrink()
    {
        const int Kept = 1000;
        if (_working.Capacity > Kept) _working.TrimExcess();
        if (_dirty.Capacity > Kept) _dirty.TrimExcess();
        if (_ready.Capacity > Kept) _ready.TrimExcess();
    }

    private void Fire(TKey key, Delay pending)
    {
        lock (_lock)
        {
            if (!_delayed.TryGetValue(key, out var current) || !ReferenceEquals(current, pending)) return;
            _delayed.Remove(key);
        }
        pending.Dispose();
        Add(key);
    }

    private sealed class Delay(long due) : ITimer
    {
        private ITimer? _timer;

        public long Due { get; } = due;

        public void Start(ITimer timer) => _timer = timer;

        public bool Change(TimeSpan dueTime, TimeSpan period) => _timer?.Change(dueTime, period) ?? false;

        public void Dispose() => _timer?.Dispose();

        public ValueTask DisposeAsync() => _timer?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
