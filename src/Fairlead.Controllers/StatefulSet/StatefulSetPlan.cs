using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Replicas;

namespace Fairlead.Controllers.StatefulSet;

/// <summary>What has to happen for a StatefulSet.</summary>
/// <param name="Create">Ordinals of the pods to make, and whether of the newest template.</param>
/// <param name="Delete">Pods that are too many, of an old template, or that have ended.</param>
/// <param name="Label">Pods that lack the labels of their identity.</param>
internal sealed record StatefulSetDecision(
    IReadOnlyList<(int Ordinal, bool IsNewest)> Create, IReadOnlyList<PodItem> Delete, IReadOnlyList<(PodItem Pod, int Ordinal)> Label, StatefulSetStatus Status);

/// <summary>Pods with a number, one after the other (Kubernetes documentation: "StatefulSets", deployment and scaling guarantees; update strategies).</summary>
internal static class StatefulSetPlan
{
    /// <param name="pods">The set's own.</param>
    /// <param name="current">Name of the revision that the pods had before the present update.</param>
    /// <param name="update">Name of the present template's revision.</param>
    public static StatefulSetDecision Decide(StatefulSetItem set, IEnumerable<PodItem> pods, string current, string update, DateTime now)
    {
        var byOrdinal = new SortedDictionary<int, PodItem>();
        foreach (var pod in pods)
        {
            if (PodIdentity.Ordinal(set, pod) is { } ordinal) byOrdinal[ordinal] = pod;
        }
        var step = new Step(set, byOrdinal, current, update, now);
        if (!set.Meta.IsDeleting) step.Run();
        return new(step.Create, step.Delete, step.Label, Status(set, byOrdinal, current, update, now));
    }

    private static StatefulSetStatus Status(StatefulSetItem set, SortedDictionary<int, PodItem> pods, string current, string update, DateTime now)
    {
        var staying = pods.Values.Where(pod => !pod.Meta.IsDeleting).ToList();
        var status = set.Status with
        {
            Replicas = pods.Count,
            Ready = pods.Values.Count(IsReady),
            Available = pods.Values.Count(pod => IsReady(pod) && ReplicaPlan.IsAvailable(pod, set.MinReadySeconds, now)),
            Current = staying.Count(pod => PodIdentity.Revision(pod) == current),
            Updated = staying.Count(pod => PodIdentity.Revision(pod) == update),
            CurrentRevision = current,
            UpdateRevision = update,
            ObservedGeneration = set.Generation,
        };
        var isDone = !set.UpdatesOnDelete && status.Updated == set.Replicas && status.Ready == set.Replicas && status.Replicas == set.Replicas;
        return isDone ? status with { CurrentRevision = update, Current = status.Updated } : status;
    }

    private static bool IsReady(PodItem pod) => pod.Phase == "Running" && pod.IsReady;

    /// <summary>One pass over the pods; it ends where the next pod has to wait for one before it.</summary>
    private sealed class Step(StatefulSetItem set, SortedDictionary<int, PodItem> pods, string current, string update, DateTime now)
    {
        public List<(int, bool)> Create { get; } = [];
        public List<PodItem> Delete { get; } = [];
        public List<(PodItem, int)> Label { get; } = [];

        private int End => set.Start + set.Replicas;

        public void Run()
        {
            if (!Fill() || !Shrink() || set.UpdatesOnDelete) return;
            Update();
        }

        /// <summary>Makes missing pods, lowest first. Answers false where the pass ends here.</summary>
        private bool Fill()
        {
            for (var ordinal = set.Start; ordinal < End; ordinal++)
            {
                if (!pods.TryGetValue(ordinal, out var pod))
                {
                    Create.Add((ordinal, IsNewest(ordinal)));
                    if (set.IsParallel) continue;
                    return false;
                }
                if (pod.IsTerminal && !pod.Meta.IsDeleting)
                {
                    Delete.Add(pod);
                    if (set.IsParallel) continue;
                    return false;
                }
                if (PodIdentity.Labels(set, ordinal).Any(label => !pod.Labels.TryGetValue(label.Label, out var value) || value != label.Value)) Label.Add((pod, ordinal));
                if (!set.IsParallel && !IsSettled(pod)) return false;
            }
            // Pods that were just asked for are not there to be updated.
            return Create.Count == 0;
        }

        /// <summary>Takes away pods outside the range, highest first.</summary>
        private bool Shrink()
        {
            var surplus = pods.Where(pair => pair.Key < set.Start || pair.Key >= End).Reverse().Select(pair => pair.Value).ToList();
            var firstUnhealthy = pods.Values.FirstOrDefault(pod => !IsHealthy(pod));
            foreach (var pod in surplus)
            {
                if (pod.Meta.IsDeleting)
                {
                    if (set.IsParallel) continue;
                    return false;
                }
                if (!set.IsParallel && !IsSettled(pod) && pod != firstUnhealthy) return false;
                Delete.Add(pod);
                if (!set.IsParallel) return false;
            }
            return true;
        }

        /// <summary>Replaces pods of an old template, highest first, while no more than maxUnavailable are missing.</summary>
        private void Update()
        {
            var room = Math.Max(1, set.MaxUnavailable.Of(set.Replicas, roundUp: true));
            for (var ordinal = End - 1; ordinal >= Math.Max(set.Start, set.Partition) && room > 0; ordinal--)
            {
                if (!pods.TryGetValue(ordinal, out var pod)) continue;
                if (PodIdentity.Revision(pod) != update && !pod.Meta.IsDeleting)
                {
                    if (!Delete.Contains(pod)) Delete.Add(pod);
                    room--;
                }
                else if (!IsSettled(pod)) room--;
            }
        }

        /// <summary>A pod that is made again below the partition gets the template that it had.</summary>
        private bool IsNewest(int ordinal) => current == update || set.UpdatesOnDelete || ordinal >= Math.Max(set.Start, set.Partition);

        private bool IsSettled(PodItem pod) => IsHealthy(pod) && ReplicaPlan.IsAvailable(pod, set.MinReadySeconds, now);

        private static bool IsHealthy(PodItem pod) => IsReady(pod) && !pod.Meta.IsDeleting;
    }
}
