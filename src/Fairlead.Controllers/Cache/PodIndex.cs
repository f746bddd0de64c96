using Fairlead.Kube;
using Fairlead.Kube.Informers;

namespace Fairlead.Controllers.Cache;

/// <summary>
/// Finds pods by label, managing owner, node or namespace without looking at all of them. It follows the informer's
/// changes before any controller hears of them, so a sync never finds it behind the change that woke it.
/// </summary>
internal sealed class PodIndex
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Term, Dictionary<ObjectKey, PodItem>> _terms = [];

    public PodIndex(Informer<k8s.Models.V1Pod, PodItem> pods) => pods.Changed += change => Apply(change.Old, change.New);

    /// <summary>For tests: an index over given pods.</summary>
    internal PodIndex(IEnumerable<PodItem> pods)
    {
        foreach (var pod in pods) Apply(null, pod);
    }

    /// <summary>Pods of the namespace that have every pair of the selector; none for an empty selector.</summary>
    public List<PodItem> Selected(string ns, ValueMap selector)
    {
        var found = new List<PodItem>();
        lock (_lock)
        {
            Dictionary<ObjectKey, PodItem>? fewest = null;
            foreach (var (key, value) in selector)
            {
                if (!_terms.TryGetValue(Term.Label(ns, key, value), out var pods)) return found;
                if (fewest is null || pods.Count < fewest.Count) fewest = pods;
            }
            foreach (var pod in fewest?.Values ?? Enumerable.Empty<PodItem>())
            {
                if (HasAll(pod.Labels, selector)) found.Add(pod);
            }
        }
        return found;
    }

    /// <summary>Pods of the namespace that the selector matches; none for an empty selector.</summary>
    public List<PodItem> Selected(string ns, SelectorItem selector)
    {
        if (selector.IsEmpty) return [];
        var found = selector.Pairs.Count > 0 ? Selected(ns, selector.Pairs) : At(Term.Namespace(ns));
        return selector.Expressions.Count == 0 ? found : [.. found.Where(pod => selector.Matches(pod.Labels))];
    }

    public List<PodItem> OwnedBy(string ownerUid) => At(Term.Owner(ownerUid));

    /// <summary>Pods bound to the node, finished ones included.</summary>
    public List<PodItem> OnNode(string node) => At(Term.Node(node));

    public bool AnyIn(string ns)
    {
        lock (_lock) return _terms.ContainsKey(Term.Namespace(ns));
    }

    private List<PodItem> At(Term term)
    {
        lock (_lock) return _terms.TryGetValue(term, out var pods) ? [.. pods.Values] : [];
    }

    private void Apply(PodItem? old, PodItem? fresh)
    {
        lock (_lock)
        {
            if (old is not null)
            {
                foreach (var term in Terms(old)) Remove(term, old.Key);
            }
            if (fresh is not null)
            {
                foreach (var term in Terms(fresh)) Put(term, fresh);
            }
        }
    }

    private void Put(Term term, PodItem pod)
    {
        if (!_terms.TryGetValue(term, out var pods)) _terms[term] = pods = [];
        pods[pod.Key] = pod;
    }

    private void Remove(Term term, ObjectKey key)
    {
        if (!_terms.TryGetValue(term, out var pods) || !pods.Remove(key) || pods.Count > 0) return;
        _terms.Remove(term);
    }

    private static IEnumerable<Term> Terms(PodItem pod)
    {
        yield return Term.Namespace(pod.Key.Namespace);
        foreach (var (key, value) in pod.Labels) yield return Term.Label(pod.Key.Namespace, key, value);
        if (pod.Meta.Controller is { } owner) yield return Term.Owner(owner.Uid);
        if (pod.NodeName.Length > 0) yield return Term.Node(pod.NodeName);
    }

    private static bool HasAll(ValueMap labels, ValueMap selector)
    {
        foreach (var (key, value) in selector)
        {
            if (!labels.TryGetValue(key, out var mine) || mine != value) return false;
        }
        return true;
    }

    /// <summary>A term never mixes with one of another sort: the names of labels, owners and nodes differ in the first field.</summary>
    private readonly record struct Term(char Sort, string Space, string Key, string Value)
    {
        public static Term Label(string ns, string key, string value) => new('l', ns, key, value);
        public static Term Owner(string uid) => new('o', uid, "", "");
        public static Term Node(string name) => new('n', name, "", "");
        public static Term Namespace(string name) => new('s', name, "", "");
    }
}
