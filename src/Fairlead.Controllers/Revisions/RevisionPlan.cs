using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Revisions;

/// <summary>Which of an owner's revisions is that of its present template.</summary>
/// <param name="Present">Null: there is none yet, one is to be made.</param>
/// <param name="Number">That it is to have; the newest is always the highest, also one that came back.</param>
internal sealed record RevisionChoice(RevisionItem? Present, long Number);

/// <summary>History of templates (Kubernetes documentation: "StatefulSets", update strategies; "Perform a Rollback on a DaemonSet").</summary>
internal static class RevisionPlan
{
    public static RevisionChoice Choose(PodTemplate template, IReadOnlyCollection<RevisionItem> revisions)
    {
        var highest = revisions.Select(revision => revision.Revision).DefaultIfEmpty().Max();
        var present = revisions.Where(revision => template.Equals(revision.Template)).MaxBy(revision => revision.Revision);
        if (present is null) return new(null, highest + 1);
        return new(present, present.Revision == highest ? highest : highest + 1);
    }

    /// <summary>The oldest revisions that nothing uses any more, beyond the number that is kept.</summary>
    public static IReadOnlyList<RevisionItem> Forgettable(IEnumerable<RevisionItem> revisions, Func<RevisionItem, bool> isUsed, int limit)
    {
        var unused = revisions.Where(revision => !isUsed(revision)).OrderBy(revision => revision.Revision).ToList();
        return [.. unused.Take(Math.Max(0, unused.Count - limit))];
    }
}
