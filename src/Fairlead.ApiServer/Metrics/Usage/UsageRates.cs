namespace Fairlead.ApiServer.Metrics.Usage;

/// <summary>What something used over a window that ended at a moment.</summary>
/// <param name="Cores">Mean over the window.</param>
/// <param name="Memory">Working set at its end, in bytes.</param>
internal readonly record struct Usage(DateTimeOffset At, TimeSpan Window, double Cores, double Memory);

/// <summary>What a node and its containers used.</summary>
/// <param name="Node">Null: its account began anew in between.</param>
internal sealed record NodeUsage(Usage? Node, IReadOnlyDictionary<(string Namespace, string Pod), IReadOnlyList<(string Container, Usage Usage)>> Pods)
{
    /// <summary>Usage between two readings of one node.</summary>
    public static NodeUsage Between(NodeReading before, NodeReading after)
    {
        var pods = new Dictionary<(string, string), IReadOnlyList<(string, Usage)>>();
        foreach (var pod in after.Containers.GroupBy(pair => (pair.Key.Namespace, pair.Key.Pod)))
        {
            var containers = new List<(string, Usage)>();
            foreach (var (name, reading) in pod.OrderBy(pair => pair.Key.Container, StringComparer.Ordinal))
            {
                var earlier = before.Containers.TryGetValue(name, out var known) && known.Started == reading.Started ? known : (Reading?)null;
                if (Rate(earlier ?? Beginning(reading), reading) is { } usage) containers.Add((name.Container, usage));
            }
            if (containers.Count > 0) pods[pod.Key] = containers;
        }
        return new NodeUsage(Rate(before.Node, after.Node), pods);
    }

    /// <summary>One that was not there before has used everything since its start.</summary>
    private static Reading? Beginning(Reading reading) => reading.Started is { } started ? new Reading(started, 0, 0, started) : null;

    private static Usage? Rate(Reading? before, Reading after)
    {
        if (before is not { } from || after.At <= from.At || after.ProcessorSeconds < from.ProcessorSeconds) return null;
        var window = after.At - from.At;
        return new Usage(after.At, window, (after.ProcessorSeconds - from.ProcessorSeconds) / window.TotalSeconds, after.WorkingSet);
    }
}
