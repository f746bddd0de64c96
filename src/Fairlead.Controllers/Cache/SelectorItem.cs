using Fairlead.Kube.Selectors;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>A selector that keeps its pairs, by which indexes find candidates, beside its expressions.</summary>
internal sealed record SelectorItem(ValueMap Pairs)
{
    private LabelSelector? _parsed;

    public ValueList<SelectorExpression> Expressions { get; init; } = [];

    public bool IsEmpty => Pairs.Count + Expressions.Count == 0;

    public static SelectorItem From(V1LabelSelector? selector) => new(ValueMap.From(selector?.MatchLabels))
    {
        Expressions = [.. (selector?.MatchExpressions ?? []).Select(e => new SelectorExpression(e.Key, e.OperatorProperty, [.. e.Values ?? []]))],
    };

    public bool Matches(ValueMap labels) => (_parsed ??= LabelSelector.From(ToModel())).Matches(labels);

    public V1LabelSelector ToModel() => new()
    {
        MatchLabels = Pairs.Count == 0 ? null : Pairs.ToDictionary(),
        MatchExpressions = Expressions.Count == 0
            ? null
            : [.. Expressions.Select(e => new V1LabelSelectorRequirement { Key = e.Key, OperatorProperty = e.Operator, Values = e.Values.Count == 0 ? null : [.. e.Values] })],
    };

    public bool Equals(SelectorItem? other) => other is not null && Pairs.Equals(other.Pairs) && Expressions.Equals(other.Expressions);

    public override int GetHashCode() => Pairs.GetHashCode();
}

internal sealed record SelectorExpression(string Key, string Operator, ValueList<string> Values);
