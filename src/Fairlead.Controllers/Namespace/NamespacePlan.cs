using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Namespace;

/// <summary>What is left of one kind in a namespace that is being deleted.</summary>
/// <param name="Finalizers">The finalizers of each remaining object.</param>
/// <param name="Error">Why its objects could not be deleted, or null.</param>
internal sealed record Remainder(ApiKind Kind, int Count, IReadOnlyList<ValueList<string>> Finalizers, string? Error);

internal sealed record NamespaceConditionText(string Type, bool Holds, string Reason, string Message);

/// <summary>The conditions of a namespace on its way out, in the order and words that Kubernetes gives them.</summary>
internal static class NamespacePlan
{
    public static IReadOnlyList<NamespaceConditionText> Conditions(IReadOnlyCollection<Remainder> remainders, string? discoveryError) =>
    [
        discoveryError is null
            ? new("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered")
            : new("NamespaceDeletionDiscoveryFailure", true, "DiscoveryFailed", discoveryError),
        new("NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions", "All legacy kube types successfully parsed"),
        Content([.. remainders.Select(remainder => remainder.Error).OfType<string>()]),
        Remaining([.. remainders.Where(remainder => remainder.Count > 0)]),
        Finalizers([.. remainders.SelectMany(remainder => remainder.Finalizers)]),
    ];

    private static NamespaceConditionText Content(string[] errors) => errors.Length == 0
        ? new("NamespaceDeletionContentFailure", false, "ContentDeleted", "All content successfully deleted, may be waiting on finalization")
        : new("NamespaceDeletionContentFailure", true, "ContentDeletionFailed",
            $"Failed to delete all resource types, {errors.Length} remaining: {string.Join(", ", errors.Order(StringComparer.Ordinal))}");

    private static NamespaceConditionText Remaining(Remainder[] remaining) => remaining.Length == 0
        ? new("NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed")
        : new("NamespaceContentRemaining", true, "SomeResourcesRemain", "Some resources are remaining: " + string.Join(", ", remaining
            .Select(remainder => $"{remainder.Kind.Plural}.{remainder.Kind.Group} has {remainder.Count} resource instances")
            .Order(StringComparer.Ordinal)));

    private static NamespaceConditionText Finalizers(ValueList<string>[] objects)
    {
        var counts = objects.SelectMany(finalizers => finalizers.Distinct()).CountBy(name => name).ToList();
        return counts.Count == 0
            ? new("NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers", "All content-preserving finalizers finished")
            : new("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", "Some content in the namespace has finalizers remaining: " + string.Join(", ", counts
                .Select(count => $"{count.Key} in {count.Value} resource instances").Order(StringComparer.Ordinal)));
    }
}
