using System.Diagnostics.CodeAnalysis;
using k8s.Models;

namespace Fairlead.Kube.Selectors;

/// <summary>
/// A parsed label selector: every requirement must hold
/// (Kubernetes documentation: "Labels and Selectors", the query form and the matchLabels/matchExpressions form).
/// </summary>
public sealed class LabelSelector
{
    public static readonly LabelSelector Everything = new([]);

    private readonly Requirement[] _requirements;

    private LabelSelector(Requirement[] requirements) => _requirements = requirements;

    public bool IsEmpty => _requirements.Length == 0;

    public bool Matches(IEnumerable<KeyValuePair<string, string>>? labels) =>
        Matches(labels as IReadOnlyDictionary<string, string> ?? labels?.ToDictionary() ?? (IReadOnlyDictionary<string, string>)EmptyLabels);

    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        foreach (var requirement in _requirements)
        {
            if (!requirement.Matches(labels)) return false;
        }
        return true;
    }

    /// <summary>The map form of a Service or ReplicationController: every pair must be there.</summary>
    public static LabelSelector FromMap(IEnumerable<KeyValuePair<string, string>>? map) =>
        map is null ? Everything : new([.. map.Select(pair => new Requirement(pair.Key, Operator.In, [pair.Value], 0))]);

    /// <summary>The form of apps/v1. Null selects nothing in Kubernetes; callers decide that, here it is everything.</summary>
    public static LabelSelector From(V1LabelSelector? selector)
    {
        if (selector is null) return Everything;
        var pairs = (selector.MatchLabels ?? new Dictionary<string, string>()).Select(pair => new Requirement(pair.Key, Operator.In, [pair.Value], 0));
        var expressions = (selector.MatchExpressions ?? []).Select(e => new Requirement(e.Key, ParseOperator(e.OperatorProperty), [.. e.Values ?? []], 0));
        return new([.. pairs, .. expressions]);
    }

    /// <summary>Parses the query form: <c>a=b,c!=d,e in (f,g),h notin (i),j,!k,l&gt;1</c>.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out LabelSelector? selector, [NotNullWhen(false)] out string? error)
    {
        selector = null;
        error = null;
        if (string.IsNullOrWhiteSpace(text))
        {
            selector = Everything;
            return true;
        }
        var requirements = new List<Requirement>();
        foreach (var part in Split(text))
        {
            if (ParseRequirement(part.Trim()) is not { } requirement)
            {
                error = $"unable to parse requirement: \"{part.Trim()}\" in label selector \"{text}\"";
                return false;
            }
            requirements.Add(requirement);
        }
        selector = new LabelSelector([.. requirements]);
        return true;
    }

    private static readonly Dictionary<string, string> EmptyLabels = [];

    private static Operator ParseOperator(string? name) => name switch
    {
        "In" => Operator.In,
        "NotIn" => Operator.NotIn,
        "Exists" => Operator.Exists,
        "DoesNotExist" => Operator.DoesNotExist,
        _ => throw new FormatException($"\"{name}\" is not a label selector operator"),
    };

    /// <summary>Splits at commas that stand outside parentheses.</summary>
    private static IEnumerable<string> Split(string text)
    {
        var start = 0;
        var depth = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '(') depth++;
            else if (text[i] == ')') depth--;
            else if (text[i] == ',' && depth == 0)
            {
                yield return text[start..i];
                start = i + 1;
            }
        }
        yield return text[start..];
    }

    private static Requirement? ParseRequirement(string text)
    {
        if (text.Length == 0) return null;
        if (text[0] == '!') return Key(text[1..].Trim(), Operator.DoesNotExist);
        var open = text.IndexOf('(');
        if (open >= 0) return ParseSet(text, open);
        foreach (var (sign, kind) in Signs)
        {
            var at = text.IndexOf(sign, StringComparison.Ordinal);
            if (at >= 0) return ParseComparison(text[..at].Trim(), kind, text[(at + sign.Length)..].Trim());
        }
        return Key(text, Operator.Exists);
    }

    private static readonly (string Sign, Operator Kind)[] Signs =
        [("!=", Operator.NotIn), ("==", Operator.In), ("=", Operator.In), (">", Operator.GreaterThan), ("<", Operator.LessThan)];

    private static Requirement? ParseSet(string text, int open)
    {
        if (!text.EndsWith(')')) return null;
        var words = text[..open].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length != 2 || words[1] is not ("in" or "notin") || !IsKey(words[0])) return null;
        var values = text[(open + 1)..^1].Split(',').Select(value => value.Trim()).ToArray();
        return new Requirement(words[0], words[1] == "in" ? Operator.In : Operator.NotIn, values, 0);
    }

    private static Requirement? ParseComparison(string key, Operator kind, string value)
    {
        if (!IsKey(key) || value.Contains(' ')) return null;
        if (kind is Operator.In or Operator.NotIn) return new Requirement(key, kind, [value], 0);
        return long.TryParse(value, out var number) ? new Requirement(key, kind, [], number) : null;
    }

    private static Requirement? Key(string key, Operator kind) => IsKey(key) ? new Requirement(key, kind, [], 0) : null;

    private static bool IsKey(string key) => key.Length > 0 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/');

    private enum Operator { In, NotIn, Exists, DoesNotExist, GreaterThan, LessThan }

    private sealed record Requirement(string Key, Operator Operator, string[] Values, long Number)
    {
        public bool Matches(IReadOnlyDictionary<string, string> labels)
        {
            var has = labels.TryGetValue(Key, out var value);
            return Operator switch
            {
                Operator.In => has && Values.Contains(value),
                Operator.NotIn => !has || !Values.Contains(value),
                Operator.Exists => has,
                Operator.DoesNotExist => !has,
                Operator.GreaterThan => has && long.TryParse(value, out var number) && number > Number,
                _ => has && long.TryParse(value, out var number) && number < Number,
            };
        }
    }
}
