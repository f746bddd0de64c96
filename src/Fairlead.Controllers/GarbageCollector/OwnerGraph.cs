using Fairlead.Controllers.Cache;
using Fairlead.Kube;

namespace Fairlead.Controllers.GarbageCollector;

/// <summary>An object as the collector knows it.</summary>
internal sealed record GraphNode(ApiKind Kind, ObjectKey Key, ObjectMeta Meta);

/// <summary>All cached objects and who owns whom, by UID. Fed by the caches of many kinds at once, each in its own order.</summary>
internal sealed class OwnerGraph
{
    /// <summary>UIDs never return, so what is known to be gone stays gone; the oldest knowledge is dropped first.</summary>
    private const int Remembered = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, GraphNode> _nodes = [];
    private readonly Dictionary<string, HashSet<string>> _dependents = [];
    private readonly HashSet<string> _absent = [];
    private readonly Queue<string> _absentInOrder = new();

    public GraphNode? Find(string uid)
    {
        lock (_lock) return _nodes.GetValueOrDefault(uid);
    }

    public bool IsAbsent(string uid)
    {
        lock (_lock) return _absent.Contains(uid);
    }

    public void MarkAbsent(string uid)
    {
        lock (_lock) Remember(uid);
    }

    /// <summary>Objects that name the UID as an owner.</summary>
    public IReadOnlyList<GraphNode> DependentsOf(string uid)
    {
        lock (_lock)
        {
            return _dependents.TryGetValue(uid, out var uids) ? [.. uids.Select(dependent => _nodes.GetValueOrDefault(dependent)).OfType<GraphNode>()] : [];
        }
    }

    /// <summary>Takes a change in and answers the UIDs that now deserve a look.</summary>
    public IReadOnlyList<string> Apply(ApiKind kind, ObjectKey key, ObjectMeta? old, ObjectMeta? now)
    {
        var look = new List<string>();
        lock (_lock)
        {
            if (old is not null && old.Uid != now?.Uid) Remove(old, look);
            if (now is null) return look;
            var before = old?.Uid == now.Uid ? old : null;
            foreach (var owner in before?.Owners ?? []) Unlink(owner.Uid, now.Uid);
            foreach (var owner in now.Owners) Link(owner.Uid, now.Uid);
            _nodes[now.Uid] = new GraphNode(kind, key, now);
            if (now.Owners.Count > 0 || now.IsDeleting) look.Add(now.Uid);
            // Dependents of an owner that waits for them are to be deleted, and one that no longer blocks frees its owner.
            if (now.IsDeleting && _dependents.TryGetValue(now.Uid, out var dependents)) look.AddRange(dependents);
            foreach (var owner in before?.Owners ?? []) look.Add(owner.Uid);
        }
        return look;
    }

    private void Remove(ObjectMeta old, List<string> look)
    {
        _nodes.Remove(old.Uid);
        if (_dependents.TryGetValue(old.Uid, out var dependents))
        {
            Remember(old.Uid);
            look.AddRange(dependents);
        }
        foreach (var owner in old.Owners)
        {
            Unlink(owner.Uid, old.Uid);
            look.Add(owner.Uid);
        }
    }

    private void Link(string owner, string dependent)
    {
        if (!_dependents.TryGetValue(owner, out var dependents)) _dependents[owner] = dependents = [];
        dependents.Add(dependent);
    }

    private void Unlink(string owner, string dependent)
    {
        if (!_dependents.TryGetValue(owner, out var dependents)) return;
        dependents.Remove(dependent);
        if (dependents.Count == 0) _dependents.Remove(owner);
    }

    private void Remember(string uid)
    {
        if (!_absent.Add(uid)) return;
        _absentInOrder.Enqueue(uid);
        if (_absentInOrder.Count > Remembered) _absent.Remove(_absentInOrder.Dequeue());
    }
}
