using Fairlead.Kube;

namespace Fairlead.Controllers.Cache;

/// <summary>
/// Finds the owners of selectors (services, replication controllers) that select a given set of labels. A selector is
/// filed under one of its pairs, so a lookup costs the number of labels and not the number of selectors.
/// </summary>
internal sealed class SelectorIndex
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Namespace, string Key, string Value), Dictionary<ObjectKey, ValueMap>> _files = [];

    /// <summary>Files the selector anew; null or empty takes it out.</summary>
    public void Apply(ObjectKey key, ValueMap? old, ValueMap? fresh)
    {
        lock (_lock)
        {
            if (old is { Count: > 0 }) Remove(key, File(key, old));
            if (fresh is { Count: > 0 }) Put(key, fresh);
        }
    }

    public List<ObjectKey> Selecting(string ns, ValueMap labels)
    {
        var found = new List<ObjectKey>();
        lock (_lock)
        {
            foreach (var (key, value) in labels)
            {
                if (!_files.TryGetValue((ns, key, value), out var selectors)) continue;
                foreach (var (owner, selector) in selectors)
                {
                    if (Selects(selector, labels)) found.Add(owner);
                }
            }
        }
        return found;
    }

    private void Put(ObjectKey key, ValueMap selector)
    {
        var file = File(key, selector);
        if (!_files.TryGetValue(file, out var selectors)) _files[file] = selectors = [];
        selectors[key] = selector;
    }

    private void Remove(ObjectKey key, (string, string, string) file)
    {
        if (!_files.TryGetValue(file, out var selectors)) return;
        selectors.Remove(key);
        if (selectors.Count == 0) _files.Remove(file);
    }

    private static (string, string, string) File(ObjectKey key, ValueMap selector)
    {
        var first = selector.Keys.Min(StringComparer.Ordinal)!;
        return (key.Namespace, first, selector[first]);
    }

    private static bool Selects(ValueMap selector, ValueMap labels)
    {
        foreach (var (key, value) in selector)
        {
            if (!labels.TryGetValue(key, out var mine) || mine != value) return false;
        }
        return true;
    }
}
