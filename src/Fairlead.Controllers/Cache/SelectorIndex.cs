using Fairlead.Kube;

namespace Fairlead.Controllers.Cache;

/// <summary>
/// Finds the owners of selectors (services, replication controllers) that select a given set of labels. A selector is
/// filed under one of its pairs, so a lookup costs the number of labels and not the number of selectors.
/// </summary>
internal sealed class SelectorIndex
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Namespace, string Key, string Value), Dictionary<ObjectKey, SelectorItem>> _files = [];

    /// <summary>Files the selector anew; null or empty takes it out.</summary>
    public void Apply(ObjectKey key, SelectorItem? old, SelectorItem? fresh)
    {
        lock (_lock)
        {
            if (old is { IsEmpty: false }) Remove(key, File(key, old));
            if (fresh is { IsEmpty: false }) Put(key, fresh);
        }
    }

    /// <summary>A selector that is no more than a map.</summary>
    public void Apply(ObjectKey key, ValueMap? old, ValueMap? fresh) =>
        Apply(key, old is null ? null : new SelectorItem(old), fresh is null ? null : new SelectorItem(fresh));

    public List<ObjectKey> Selecting(string ns, ValueMap labels)
    {
        var found = new List<ObjectKey>();
        lock (_lock)
        {
            foreach (var (key, value) in labels) Collect((ns, key, value), labels, found);
            Collect((ns, "", ""), labels, found);
        }
        return found;
    }

    private void Collect((string, string, string) file, ValueMap labels, List<ObjectKey> found)
    {
        if (!_files.TryGetValue(file, out var selectors)) return;
        foreach (var (owner, selector) in selectors)
        {
            if (selector.Matches(labels)) found.Add(owner);
        }
    }

    private void Put(ObjectKey key, SelectorItem selector)
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

    /// <summary>A selector without any pair is looked at for every set of labels of its namespace.</summary>
    private static (string, string, string) File(ObjectKey key, SelectorItem selector)
    {
        if (selector.Pairs.Count == 0) return (key.Namespace, "", "");
        var first = selector.Pairs.Keys.Min(StringComparer.Ordinal)!;
        return (key.Namespace, first, selector.Pairs[first]);
    }
}
