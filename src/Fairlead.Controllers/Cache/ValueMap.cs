using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Fairlead.Controllers.Cache;

/// <summary>An immutable string map (labels, a selector, annotations) that equals another with the same pairs.</summary>
internal sealed class ValueMap : IReadOnlyDictionary<string, string>, IEquatable<ValueMap>
{
    public static readonly ValueMap Empty = new([]);

    private readonly Dictionary<string, string> _pairs;

    private ValueMap(Dictionary<string, string> pairs) => _pairs = pairs;

    public int Count => _pairs.Count;
    public string this[string key] => _pairs[key];
    public IEnumerable<string> Keys => _pairs.Keys;
    public IEnumerable<string> Values => _pairs.Values;

    public static ValueMap From(IEnumerable<KeyValuePair<string, string>>? pairs)
    {
        if (pairs is null) return Empty;
        var copy = new Dictionary<string, string>(pairs);
        return copy.Count == 0 ? Empty : new ValueMap(copy);
    }

    public bool ContainsKey(string key) => _pairs.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value) => _pairs.TryGetValue(key, out value);

    public bool Equals(ValueMap? other)
    {
        if (ReferenceEquals(this, other)) return true;
        if (other is null || other.Count != Count) return false;
        foreach (var (key, value) in _pairs)
        {
            if (!other.TryGetValue(key, out var theirs) || theirs != value) return false;
        }
        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as ValueMap);

    public override int GetHashCode()
    {
        var hash = _pairs.Count;
        // The order of a map means nothing, so the pairs' hashes are combined without one.
        foreach (var (key, value) in _pairs) hash ^= HashCode.Combine(key, value);
        return hash;
    }

    public Dictionary<string, string>.Enumerator GetEnumerator() => _pairs.GetEnumerator();

    IEnumerator<KeyValuePair<string, string>> IEnumerable<KeyValuePair<string, string>>.GetEnumerator() => _pairs.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _pairs.GetEnumerator();
}
