using System.Globalization;
using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Deployment;

/// <summary>Annotations by which a Deployment keeps its books on its ReplicaSets; <c>kubectl rollout</c> reads them.</summary>
internal static class Annotations
{
    public const string Revision = "deployment.kubernetes.io/revision";
    public const string RevisionHistory = "deployment.kubernetes.io/revision-history";
    public const string DesiredReplicas = "deployment.kubernetes.io/desired-replicas";
    public const string MaxReplicas = "deployment.kubernetes.io/max-replicas";

    /// <summary>0 where the ReplicaSet bears none.</summary>
    public static long RevisionOf(ReplicaItem set) => Number(set, Revision) ?? 0;

    public static int? Desired(ReplicaItem set) => (int?)Number(set, DesiredReplicas);

    public static int? Max(ReplicaItem set) => (int?)Number(set, MaxReplicas);

    /// <summary>What a ReplicaSet of the Deployment's present template bears: the Deployment's own annotations and its revision.</summary>
    public static ValueMap OfNewest(DeploymentItem deployment, ValueMap present, long revision)
    {
        var all = present.ToDictionary();
        foreach (var (key, value) in deployment.Annotations)
        {
            if (!IsBook(key)) all[key] = value;
        }
        var before = present.TryGetValue(Revision, out var text) ? text : "";
        if (!long.TryParse(before, NumberStyles.None, CultureInfo.InvariantCulture, out var old)) old = 0;
        if (old < revision)
        {
            all[Revision] = Text(revision);
            // A revision that comes back keeps a note of the numbers that it had.
            if (before.Length > 0) all[RevisionHistory] = present.TryGetValue(RevisionHistory, out var history) && history.Length > 0 ? $"{history},{before}" : before;
        }
        return ValueMap.From(all);
    }

    /// <summary>The sizes that a ReplicaSet was last scaled by: by them a later sync sees that the Deployment was scaled since.</summary>
    public static ValueMap WithSizes(ValueMap present, DeploymentItem deployment)
    {
        var all = present.ToDictionary();
        all[DesiredReplicas] = Text(deployment.Replicas);
        all[MaxReplicas] = Text(deployment.Replicas + Fenceposts.MaxSurge(deployment));
        return ValueMap.From(all);
    }

    public static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool IsBook(string key) => key is Revision or RevisionHistory or DesiredReplicas or MaxReplicas;

    private static long? Number(ReplicaItem set, string key) =>
        set.Annotations.TryGetValue(key, out var text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
