using System.Globalization;

namespace Fairlead.Kube.Placement;

/// <summary>One requirement of a node selector term (Kubernetes API reference: "NodeSelectorRequirement").</summary>
public static class NodeRequirementRule
{
    /// <param name="value">The node's label or field; null: it has none of that key.</param>
    public static bool Holds(string op, IReadOnlyList<string> values, string? value) => op switch
    {
        "In" => value is not null && values.Contains(value),
        "NotIn" => value is null || !values.Contains(value),
        "Exists" => value is not null,
        "DoesNotExist" => value is null,
        "Gt" => Compare(value, values) > 0,
        "Lt" => Compare(value, values) < 0,
        _ => false,
    };

    /// <summary>0 also where either side is no number: neither Gt nor Lt holds then.</summary>
    private static int Compare(string? value, IReadOnlyList<string> values) =>
        values.Count == 1
        && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var mine)
        && long.TryParse(values[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var theirs)
            ? mine.CompareTo(theirs)
            : 0;
}
