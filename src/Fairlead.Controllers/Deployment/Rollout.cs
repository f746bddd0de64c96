using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Deployment;

/// <summary>A Deployment's ReplicaSets, told apart: the one of its present template and the others, oldest first. A step answers a new one.</summary>
internal sealed record Rollout(DeploymentItem Deployment, ReplicaItem? New, ValueList<ReplicaItem> Old)
{
    public static Rollout Of(DeploymentItem deployment, IEnumerable<ReplicaItem> sets)
    {
        var byAge = sets.OrderBy(set => set.Meta.Created).ThenBy(set => set.Key.Name, StringComparer.Ordinal).ToList();
        var newest = byAge.FirstOrDefault(set => set.Template.IsSameAs(deployment.Template));
        return new(deployment, newest, [.. byAge.Where(set => set != newest)]);
    }

    public IEnumerable<ReplicaItem> All => New is null ? Old : Old.Append(New);

    /// <summary>Pods asked for by all ReplicaSets together.</summary>
    public int Asked => All.Sum(set => set.Replicas);

    /// <summary>Pods that serve and stay. A status may be late and still count pods that the set has been told to give up.</summary>
    public int Available => All.Sum(set => Math.Min(set.Status.Available, set.Replicas));

    /// <summary>The number that the present template has or is to have: one more than any other.</summary>
    public long NewestRevision => Old.Select(Annotations.RevisionOf).DefaultIfEmpty().Max() + 1;

    /// <summary>The set at another size. Its notes on sizes follow, also where only they are out of date.</summary>
    public Rollout Scale(ReplicaItem set, int replicas) =>
        Replace(set, set with { Replicas = replicas, Annotations = Annotations.WithSizes(set.Annotations, Deployment) });

    public Rollout Replace(ReplicaItem set, ReplicaItem fresh) => set.Key == New?.Key
        ? this with { New = fresh }
        : this with { Old = [.. Old.Select(old => old.Key == set.Key ? fresh : old)] };

    /// <summary>The set as it is in this rollout.</summary>
    public ReplicaItem Find(ReplicaItem set) => All.First(item => item.Key == set.Key);
}
