using System.Collections.Immutable;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Watch;

/// <summary>
/// Everything that the store holds, in memory, by kind. It is the store's sink: changes arrive in revision order, and a
/// read never sees a revision without all changes up to it.
/// </summary>
internal sealed class ObjectCache : IStoreSink
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, KindCache> _byPrefix;
    private readonly List<Action<CacheEvent, Kind>> _observers = [];
    private long _revision;

    public ObjectCache(IEnumerable<Kind> kinds)
    {
        _byPrefix = kinds.Where(kind => kind.IsStored).ToDictionary(kind => kind.StoragePrefix, kind => new KindCache(kind));
    }

    /// <summary>Of the last change applied.</summary>
    public long Revision => Volatile.Read(ref _revision);

    public KindCache this[Kind kind] => _byPrefix[kind.StoragePrefix];

    /// <summary>Is told of each change after it is in the cache, in order.</summary>
    public void Observe(Action<CacheEvent, Kind> observer)
    {
        lock (_lock) _observers.Add(observer);
    }

    /// <summary>Tells of every object of these kinds as of one that came, and from then on of each change (before, now); nothing is missed between.</summary>
    public void Follow(IReadOnlyList<Kind> kinds, Action<Kind, StoredObject?, StoredObject?> observer)
    {
        lock (_lock)
        {
            foreach (var kind in kinds)
            {
                foreach (var there in this[kind].Objects.Values) observer(kind, null, there);
            }
            Observe((change, kind) =>
            {
                if (kinds.Contains(kind)) observer(kind, change.Old, change.New);
            });
        }
    }

    public StoredObject? Find(Kind kind, string key) => this[kind].Objects.GetValueOrDefault(key);

    /// <summary>The kind's objects and the revision at which they are all there is.</summary>
    public (ImmutableSortedDictionary<string, StoredObject> Objects, long Revision) Snapshot(Kind kind)
    {
        lock (_lock) return (this[kind].Objects, _revision);
    }

    /// <summary>Every object of one moment, with the revision of that moment.</summary>
    public (IReadOnlyList<StoredObject> Objects, long Revision) SnapshotOfAll()
    {
        lock (_lock) return ([.. _byPrefix.Values.SelectMany(kind => kind.Objects.Values)], _revision);
    }

    /// <summary>The kind as it was at an earlier revision; null if that is too long ago.</summary>
    public ImmutableSortedDictionary<string, StoredObject>? SnapshotAt(Kind kind, long revision)
    {
        lock (_lock) return this[kind].At(revision, _revision);
    }

    /// <summary>
    /// Starts a watch after a revision, and answers the kind as it is now with its revision; null if the revision is too old.
    /// A null revision starts from now.
    /// </summary>
    public (Watcher Watcher, ImmutableSortedDictionary<string, StoredObject> Objects, long Revision)? Watch(Kind kind, Selection selection, long? after)
    {
        lock (_lock)
        {
            var cache = this[kind];
            if (after < cache.OldestRevision) return null;
            var watcher = new Watcher(selection);
            cache.Add(watcher, after ?? _revision);
            return (watcher, cache.Objects, _revision);
        }
    }

    public void Unwatch(Kind kind, Watcher watcher)
    {
        lock (_lock) this[kind].Remove(watcher);
    }

    void IStoreSink.Found(StoreEntry entry)
    {
        if (Find(entry.Key) is { } cache) cache.Found(StoredObject.Read(cache.Kind, entry.Key, entry.Value, entry.Revision));
    }

    void IStoreSink.Opened(long revision)
    {
        lock (_lock)
        {
            foreach (var cache in _byPrefix.Values) cache.Opened(revision);
            Volatile.Write(ref _revision, revision);
        }
    }

    void IStoreSink.Committed(ReadOnlySpan<StoreEntry> changes)
    {
        lock (_lock)
        {
            foreach (var entry in changes)
            {
                if (Find(entry.Key) is { } cache)
                {
                    var change = cache.Apply(entry.Key, entry.Value, entry.Revision);
                    cache.Notify(change);
                    foreach (var observer in _observers) observer(change, cache.Kind);
                }
                // Last: a bookmark of this revision, which reads it without the lock, promises that watchers were offered the change.
                Volatile.Write(ref _revision, entry.Revision);
            }
        }
    }

    /// <summary>The cache of the kind whose prefix starts the key: <c>/registry/pods/</c> of <c>/registry/pods/default/x</c>.</summary>
    private KindCache? Find(string key)
    {
        var end = key.IndexOf('/', "/registry/".Length);
        while (end > 0)
        {
            if (_byPrefix.TryGetValue(key[..(end + 1)], out var cache)) return cache;
            end = key.IndexOf('/', end + 1);
        }
        return null;
    }
}
