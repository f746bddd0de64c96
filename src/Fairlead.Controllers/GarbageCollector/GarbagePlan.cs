using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.GarbageCollector;

internal enum OwnerState
{
    /// <summary>It exists and stays.</summary>
    Solid,
    /// <summary>It exists, but is being deleted in the foreground and waits for its dependents.</summary>
    Waiting,
    /// <summary>There is no object with its UID.</summary>
    Absent,
}

internal enum GarbageVerb
{
    None,
    /// <summary>Delete the object, dependents by <see cref="GarbageAction.Policy"/>.</summary>
    Delete,
    /// <summary>As Delete, but let its owners go before it: it may be that they wait for it, and it for them.</summary>
    UnblockAndDelete,
    /// <summary>Take owners out of the object that are gone or going, since others stay.</summary>
    DropOwners,
    /// <summary>Take the object out of its dependents' owners, then let it go.</summary>
    Orphan,
    /// <summary>No dependent blocks the object any more: let it go.</summary>
    FinishForeground,
    /// <summary>Dependents still block the object; they are to be looked at.</summary>
    AwaitDependents,
}

internal sealed record GarbageAction(GarbageVerb Verb, string Policy, ValueList<string> Owners)
{
    public static readonly GarbageAction None = new(GarbageVerb.None, "", []);

    public static GarbageAction Of(GarbageVerb verb) => new(verb, "", []);

    public static GarbageAction Delete(string policy) => new(GarbageVerb.Delete, policy, []);
}

/// <summary>
/// What the garbage collector does about one object (Kubernetes documentation: "Garbage Collection", cascading deletion;
/// "Use Cascading Deletion in a Cluster").
/// </summary>
internal static class GarbagePlan
{
    public const string OrphanFinalizer = "orphan";
    public const string ForegroundFinalizer = "foregroundDeletion";

    /// <param name="state">What has become of an owner.</param>
    /// <param name="dependents">Objects that name this one as an owner.</param>
    public static GarbageAction Decide(ObjectMeta meta, Func<OwnerReference, OwnerState> state, IReadOnlyCollection<GraphNode> dependents)
    {
        if (meta.IsDeleting) return Finish(meta, dependents);
        if (meta.Owners.Count == 0) return GarbageAction.None;
        var states = meta.Owners.Select(owner => (owner.Uid, State: state(owner))).ToList();
        if (states.Any(owner => owner.State == OwnerState.Solid))
        {
            ValueList<string> gone = [.. states.Where(owner => owner.State != OwnerState.Solid).Select(owner => owner.Uid)];
            return gone.Count == 0 ? GarbageAction.None : new(GarbageVerb.DropOwners, "", gone);
        }
        // An owner that waits in the foreground wants its dependents' dependents to be waited for too.
        if (states.Any(owner => owner.State == OwnerState.Waiting) && dependents.Count > 0)
        {
            // Between a waiting owner and a waiting dependent there may be a circle, in which each would wait for the next for ever.
            return new(dependents.Any(dependent => IsWaiting(dependent.Meta)) ? GarbageVerb.UnblockAndDelete : GarbageVerb.Delete, "Foreground", []);
        }
        if (meta.Finalizers.Contains(OrphanFinalizer)) return GarbageAction.Delete("Orphan");
        return GarbageAction.Delete(meta.Finalizers.Contains(ForegroundFinalizer) ? "Foreground" : "Background");
    }

    public static bool IsWaiting(ObjectMeta meta) => meta.IsDeleting && meta.Finalizers.Contains(ForegroundFinalizer);

    private static GarbageAction Finish(ObjectMeta meta, IReadOnlyCollection<GraphNode> dependents)
    {
        if (meta.Finalizers.Contains(OrphanFinalizer)) return GarbageAction.Of(GarbageVerb.Orphan);
        if (!meta.Finalizers.Contains(ForegroundFinalizer)) return GarbageAction.None;
        var isBlocked = dependents.Any(dependent => dependent.Meta.Owners.Any(owner => owner.Uid == meta.Uid && owner.Blocks));
        return GarbageAction.Of(isBlocked ? GarbageVerb.AwaitDependents : GarbageVerb.FinishForeground);
    }
}
