using System.Globalization;

namespace Fairlead.ApiServer.Metrics.Usage;

/// <summary>A container of the cluster, as its metrics name it.</summary>
internal readonly record struct ContainerName(string Namespace, string Pod, string Container);

/// <summary>An account of processor time, in seconds, and of memory, in bytes, at one moment.</summary>
/// <param name="Started">When it began to count, where that is told.</param>
internal readonly record struct Reading(DateTimeOffset At, double ProcessorSeconds, double WorkingSet, DateTimeOffset? Started);

/// <summary>One answer of a node's /metrics/resource.</summary>
internal sealed record NodeReading(Reading Node, IReadOnlyDictionary<ContainerName, Reading> Containers)
{
    /// <summary>Beyond every number of bytes and, as milliseconds or seconds, within the years that dates have.</summary>
    private const long Largest = 1L << 47;

    /// <summary>
    /// Reads Prometheus' text format as kubelets write it: one sample a line, accounts with their time behind them, which start times do without.
    /// Unknown lines are passed over.
    /// </summary>
    /// <returns>Null: it does not tell what the node uses.</returns>
    public static NodeReading? Parse(string text)
    {
        Reading? node = null;
        var memory = 0.0;
        var containers = new Dictionary<ContainerName, Reading>();
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith('#') || Split(line) is not var (name, labels, value, at)) continue;
            if (name == "node_cpu_usage_seconds_total" && at != default) node = new Reading(at, value, 0, null);
            else if (name == "node_memory_working_set_bytes") memory = value;
            else if (name.StartsWith("container_", StringComparison.Ordinal) && NameIn(labels) is { } container)
            {
                var known = containers.GetValueOrDefault(container);
                containers[container] = name switch
                {
                    "container_cpu_usage_seconds_total" => known with { At = at, ProcessorSeconds = value },
                    "container_memory_working_set_bytes" => known with { WorkingSet = value },
                    "container_start_time_seconds" => known with { Started = value < Largest / 1000 ? DateTimeOffset.UnixEpoch.AddSeconds(value) : null },
                    _ => known,
                };
            }
        }
        // One without an account of its processor time has ended, or is only beginning.
        foreach (var name in containers.Where(pair => pair.Value.At == default).Select(pair => pair.Key).ToList()) containers.Remove(name);
        return node is { } found ? new NodeReading(found with { WorkingSet = memory }, containers) : null;
    }

    private static (string Name, string Labels, double Value, DateTimeOffset At)? Split(string line)
    {
        var (open, close) = (line.IndexOf('{', StringComparison.Ordinal), line.LastIndexOf('}'));
        var words = (close < 0 ? line : line[(close + 1)..]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var name = open < 0 ? words.FirstOrDefault("") : line[..open];
        var numbers = open < 0 ? words.Skip(1).ToArray() : words;
        if (numbers.Length is 0 or > 2 || close < open || !double.TryParse(numbers[0], CultureInfo.InvariantCulture, out var value) || Math.Abs(value) is not < Largest) return null;
        var milliseconds = 0L;
        if (numbers.Length == 2 && (!long.TryParse(numbers[1], CultureInfo.InvariantCulture, out milliseconds) || Math.Abs(milliseconds) > Largest)) return null;
        return (name, open < 0 ? "" : line[(open + 1)..close], value, numbers.Length == 2 ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : default);
    }

    /// <summary>The three names are DNS labels: nothing in them is escaped.</summary>
    private static ContainerName? NameIn(string labels)
    {
        var found = new ContainerName("", "", "");
        foreach (var pair in labels.Split(','))
        {
            if (pair.Split('=', 2) is not [var key, ['"', .. var rest]] || !rest.EndsWith('"')) continue;
            found = key switch
            {
                "namespace" => found with { Namespace = rest[..^1] },
                "pod" => found with { Pod = rest[..^1] },
                "container" => found with { Container = rest[..^1] },
                _ => found,
            };
        }
        return found is { Namespace.Length: > 0, Pod.Length: > 0, Container.Length: > 0 } ? found : null;
    }
}
