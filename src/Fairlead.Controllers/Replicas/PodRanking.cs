using System.Numerics;
using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Replicas;

/// <summary>
/// Which replicas go first when there are too many (Kubernetes documentation: "ReplicaSet", scaling a ReplicaSet):
/// those that do least go before those that serve.
/// </summary>
internal static class PodRanking
{
    public static IReadOnlyList<PodItem> First(IReadOnlyCollection<PodItem> pods, int count, DateTime now)
    {
        if (count >= pods.Count) return [.. pods];
        var crowd = pods.Where(pod => pod.NodeName.Length > 0).CountBy(pod => pod.NodeName).ToDictionary();
        return [.. pods
            .OrderBy(pod => pod.NodeName.Length > 0)
            .ThenBy(pod => PhaseRank(pod.Phase))
            .ThenBy(pod => pod.IsReady)
            .ThenBy(pod => pod.DeletionCost)
            .ThenByDescending(pod => crowd.GetValueOrDefault(pod.NodeName))
            .ThenBy(pod => pod.IsReady ? AgeRank(pod.ReadyChanged, now) : 0)
            .ThenByDescending(pod => pod.Restarts)
            .ThenBy(pod => AgeRank(pod.Meta.Created, now))
            .ThenBy(pod => pod.Meta.Uid, StringComparer.Ordinal)
            .Take(count)];
    }

    private static int PhaseRank(string phase) => phase switch { "Pending" => 0, "Unknown" => 1, _ => 2 };

    /// <summary>
    /// Ages compare by the power of two of their seconds, the younger first: pods of about the same age are equal, so that
    /// scaling down does not always hit the youngest failure domain.
    /// </summary>
    private static int AgeRank(DateTime? since, DateTime now)
    {
        if (since is not { } start) return -1;
        var seconds = (ulong)Math.Max(0, (now - start).TotalSeconds);
        return seconds == 0 ? 0 : BitOperations.Log2(seconds) + 1;
    }
}
