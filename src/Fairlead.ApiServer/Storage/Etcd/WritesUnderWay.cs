using System.Collections.Concurrent;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>
/// Writes that are not answered yet, by key. What becomes of one whose answer is lost stands in the changes themselves: they come in order
/// and complete, so the first change of its key after the revision that it expected is either its own or the reason why it never will be.
/// </summary>
internal sealed class WritesUnderWay
{
    private readonly ConcurrentDictionary<string, Entry[]> _byKey = new();

    public Entry Add(StoreWrite write)
    {
        var entry = new Entry(write, this);
        _byKey.AddOrUpdate(write.Key, _ => [entry], (_, others) => [.. others, entry]);
        return entry;
    }

    /// <summary>Before anybody is told that the change has arrived.</summary>
    public void Observe(StoreEntry change)
    {
        if (!_byKey.TryGetValue(change.Key, out var entries)) return;
        foreach (var entry in entries) entry.Observe(change);
    }

    /// <summary>Where the changes in between are lost, nothing can be said of those whose answer is.</summary>
    public void Forget()
    {
        foreach (var entries in _byKey.Values)
        {
            foreach (var entry in entries) entry.Forget();
        }
    }

    private void Remove(Entry entry)
    {
        while (_byKey.TryGetValue(entry.Key, out var entries))
        {
            var others = entries.Where(other => other != entry).ToArray();
            if (others.Length == 0 ? _byKey.TryRemove(KeyValuePair.Create(entry.Key, entries)) : _byKey.TryUpdate(entry.Key, others, entries)) return;
        }
    }

    public sealed class Entry(StoreWrite write, WritesUnderWay all) : IDisposable
    {
        private readonly Lock _lock = new();
        private long? _done;
        private bool _isDecided;
        private bool _isForgotten;

        public string Key => write.Key;

        /// <summary>What the changes seen so far say: at which revision the write was done, or null: that it was not.</summary>
        /// <exception cref="StoreException">They say nothing.</exception>
        public long? Outcome()
        {
            lock (_lock)
            {
                if (_isForgotten && _done is null) throw EtcdFailures.Unknown("its outcome has been compacted away");
                return _done;
            }
        }

        public void Observe(StoreEntry change)
        {
            lock (_lock)
            {
                if (_isDecided || change.Revision <= write.ExpectedRevision) return;
                var isOurs = write.Value is null ? change.Value is null : change.Value is not null && change.Value.AsSpan().SequenceEqual(write.Value);
                if (isOurs) _done = change.Revision;
                // Of a key that was to be made, changes may come in that were there before it was last deleted.
                _isDecided = isOurs || write.ExpectedRevision > 0;
            }
        }

        public void Forget()
        {
            lock (_lock) _isForgotten = true;
        }

        public void Dispose() => all.Remove(this);
    }
}
