using Fairlead.Kube;
using Fairlead.Kube.Informers;
using k8s;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>Finds objects of one kind by the UID of their managing owner, or those without one, without looking at all of them.</summary>
internal sealed class OwnerIndex<TItem> where TItem : class, ICached
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Namespace, string Owner), Dictionary<ObjectKey, TItem>> _items = [];

    /// <summary>Follows the informer from now on, so before any controller that is made later.</summary>
    public OwnerIndex<TItem> Follow<T>(Informer<T, TItem> informer) where T : class, IKubernetesObject<V1ObjectMeta>
    {
        informer.Changed += change =>
        {
            lock (_lock)
            {
                if (change.Old is { } old) Remove(old);
                if (change.New is { } fresh) Put(fresh);
            }
        };
        return this;
    }

    public List<TItem> OwnedBy(string ns, string uid) => At((ns, uid));

    public List<TItem> Orphans(string ns) => At((ns, ""));

    private List<TItem> At((string, string) file)
    {
        lock (_lock) return _items.TryGetValue(file, out var items) ? [.. items.Values] : [];
    }

    private void Put(TItem item)
    {
        if (!_items.TryGetValue(File(item), out var items)) _items[File(item)] = items = [];
        items[item.Key] = item;
    }

    private void Remove(TItem item)
    {
        if (!_items.TryGetValue(File(item), out var items) || !items.Remove(item.Key) || items.Count > 0) return;
        _items.Remove(File(item));
    }

    private static (string, string) File(TItem item) => (item.Key.Namespace, item.Meta.Controller?.Uid ?? "");
}
