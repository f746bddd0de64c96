using System.Collections.Immutable;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Watch;

/// <param name="Old">Before the change; null for a new object.</param>
/// <param name="New">After it; null for a deleted one.</param>
/// <param name="Deleted">For a deletion, the last state under the revision that deleted it, as a watch reports it.</param>
/// <param name="After">The whole kind after this change, for lists at an exact resource version.</param>
internal sealed record CacheEvent(
    long Revision, StoredObject? Old, StoredObject? New, StoredObject? Deleted, ImmutableSortedDictionary<string, StoredObject> After);

/// <summary>
/// All objects of one kind, by key, and its latest changes. Readers take an immutable snapshot; only the store's sink
/// writes, under the lock of <see cref="ObjectCache"/>.
/// </summary>
internal sealed class KindCache(Kind kind)
{
    /// <summary>Changes kept for watches that resume and lists that continue; older ones are answered 410 Gone.</summary>
    public const int EventsKept = 2048;

    private readonly Queue<CacheEvent> _events = new();
    private readonly List<Watcher> _watchers = [];
    private ImmutableSortedDictionary<string, StoredObject>.Builder? _found = ImmutableSortedDictionary.CreateBuilder<string, StoredObject>(StringComparer.Ordinal);
    private ImmutableSortedDictionary<string, StoredObject> _objects = ImmutableSortedDictionary.Create<string, StoredObject>(StringComparer.Ordinal);

    public Kind Kind { get; } = kind;

    /// <summary>The oldest revision from which a watch can be resumed.</summary>
    public long OldestRevision { get; private set; }

    public ImmutableSortedDictionary<string, StoredObject> Objects => Volatile.Read(ref _objects);

    public int WatcherCount => _watchers.Count;

    /// <summary>Takes an object that there was when the store was opened; readers have it with all others.</summary>
    internal void Found(StoredObject obj) => _found!.Add(obj.Key, obj);

    internal void Opened(long revision)
    {
        Volatile.Write(ref _objects, _found!.ToImmutable());
        _found = null;
        OldestRevision = revision;
    }

    internal CacheEvent Apply(string key, byte[]? value, long revision)
    {
        var old = _objects.GetValueOrDefault(key);
        var now = value is null ? null : StoredObject.Read(Kind, key, value, revision);
        var deleted = value is null && old is not null ? StoredObject.Read(Kind, key, StoredObject.Write(old.ToTree()), revision) : null;
        Volatile.Write(ref _objects, now is null ? _objects.Remove(key) : _objects.SetItem(key, now));
        var change = new CacheEvent(revision, old, now, deleted, _objects);
        _events.Enqueue(change);
        if (_events.Count > EventsKept) OldestRevision = _events.Dequeue().Revision;
        return change;
    }

    internal void Notify(CacheEvent change)
    {
        for (var i = _watchers.Count - 1; i >= 0; i--) _watchers[i].Offer(change);
    }

    internal void Add(Watcher watcher, long afterRevision)
    {
        foreach (var change in _events)
        {
            if (change.Revision > afterRevision) watcher.Offer(change);
        }
        _watchers.Add(watcher);
    }

    internal void Remove(Watcher watcher) => _watchers.Remove(watcher);

    /// <summary>The kind as it was at that revision, or null if that is too long ago.</summary>
    internal ImmutableSortedDictionary<string, StoredObject>? At(long revision, long present)
    {
        if (revision >= present) return _objects;
        if (revision < OldestRevision) return null;
        CacheEvent? last = null;
        foreach (var change in _events)
        {
            if (change.Revision > revision) break;
            last = change;
        }
        return last is not null ? last.After : Before();
    }

    // No event is as old as the revision asked for, so the state before the first kept event is meant: nothing to undo
    // when there are none, else it can be had only by undoing that event.
    private ImmutableSortedDictionary<string, StoredObject> Before()
    {
        if (!_events.TryPeek(out var first)) return _objects;
        return first.Old is null ? first.After.Remove(first.New!.Key) : first.After.SetItem(first.Old.Key, first.Old);
    }
}
