using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Owners;

/// <summary>What becomes of the objects that an owner may manage.</summary>
/// <param name="Adopt">Without a managing owner and taken in by the selector.</param>
/// <param name="Release">Of this owner, but no longer matched by its selector.</param>
/// <param name="Mine">The owner's own, the adopted ones among them.</param>
internal sealed record Claims<T>(IReadOnlyList<T> Adopt, IReadOnlyList<T> Release, IReadOnlyList<T> Mine);

/// <summary>Who manages what (Kubernetes documentation: "Owners and Dependents"; design document "controller-ref").</summary>
internal static class ClaimPlan
{
    /// <param name="candidates">Objects of the namespace; those of other owners do no harm.</param>
    /// <param name="mayAdopt">False for those not worth taking in, as finished pods.</param>
    public static Claims<T> Decide<T>(ObjectMeta owner, SelectorItem selector, IEnumerable<T> candidates, Func<T, bool> mayAdopt)
        where T : ILabelled
    {
        var claims = (Adopt: new List<T>(), Release: new List<T>(), Mine: new List<T>());
        foreach (var candidate in candidates)
        {
            var matches = selector.Matches(candidate.Labels);
            if (candidate.Meta.Controller is { } controller)
            {
                if (controller.Uid != owner.Uid) continue;
                if (matches) claims.Mine.Add(candidate);
                // An owner on its way out lets go of nothing: its objects go with it, or are orphaned, by the garbage collector.
                else if (!owner.IsDeleting && !candidate.Meta.IsDeleting) claims.Release.Add(candidate);
            }
            else if (matches && !owner.IsDeleting && !candidate.Meta.IsDeleting && mayAdopt(candidate))
            {
                claims.Adopt.Add(candidate);
                claims.Mine.Add(candidate);
            }
        }
        return new(claims.Adopt, claims.Release, claims.Mine);
    }
}
