using Fairlead.Doctor.Snapshot;
using k8s.Models;

namespace Fairlead.Doctor.Diagnose;

/// <summary>The selector against the pods' labels, with the nearest misses.</summary>
internal static class SelectorCheck
{
    private const int MostMisses = 3;

    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        if (service.IsExternalName) return [];
        if (!service.HasSelector) return WithoutSelector(service);
        return service.Selected.Count > 0 ? [] : [MatchesNothing(service)];
    }

    private static IEnumerable<Finding> WithoutSelector(ServiceCase service)
    {
        if (service.Slices.Any(slice => slice.Endpoints is { Count: > 0 })) yield break;
        yield return new Finding(Severity.Problem, "no-selector-no-endpoints", service.About,
            "it selects no pods, and nobody has given it endpoints by hand",
            "spec.selector is empty, and no EndpointSlice labelled kubernetes.io/service-name=" + service.Name + " has an endpoint",
            $"kubectl -n {service.Namespace} set selector service/{service.Name} KEY=VALUE");
    }

    private static Finding MatchesNothing(ServiceCase service)
    {
        var wanted = string.Join(",", service.Service.Spec.Selector.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
        var alive = service.Pods.Where(pod => pod.Status?.Phase is not ("Succeeded" or "Failed")).ToList();
        if (alive.Count == 0)
        {
            return new Finding(Severity.Problem, "no-pods", service.About, $"its selector {wanted} takes no pod, for there is none in namespace {service.Namespace}",
                "the namespace's list of pods is empty", $"kubectl -n {service.Namespace} get deployments,replicasets,replicationcontrollers,statefulsets,daemonsets");
        }
        var near = Nearest(service.Service.Spec.Selector, alive);
        return new Finding(Severity.Problem, "selector-matches-nothing", service.About, $"its selector {wanted} takes none of the {PodFacts.Count(alive.Count, "pod")} of namespace {service.Namespace}",
            near.Count == 0 ? "no pod has even one of the selector's labels" : "nearest: " + string.Join("; ", near.Select(miss => miss.Text)),
            near.Count == 0
                ? $"kubectl -n {service.Namespace} get pods --show-labels"
                : $"kubectl -n {service.Namespace} set selector service/{service.Name} '{near[0].Selector}'");
    }

    /// <param name="Selector">The one that would take these pods.</param>
    private sealed record Miss(int Distance, string Text, string Selector);

    /// <summary>Groups of pods that miss by few labels, the nearest first: those that miss by one, and of these the most alike value.</summary>
    private static List<Miss> Nearest(IDictionary<string, string> selector, IReadOnlyList<V1Pod> pods)
    {
        var misses = pods.Select(pod => (Pod: pod, Wrong: selector.Where(pair => Value(pod, pair.Key) != pair.Value).OrderBy(pair => pair.Key).ToList()))
            // A pod that has none of the keys is no miss of this selector but some other thing.
            .Where(item => selector.Keys.Any(key => Value(item.Pod, key) is not null) || item.Wrong.Count < selector.Count)
            .GroupBy(item => string.Join(", ", item.Wrong.Select(pair => Difference(item.Pod, pair))));
        return [.. misses.Select(group => ToMiss(group.Key, [.. group.Select(item => item.Pod)], selector, group.First().Wrong)).OrderBy(miss => miss.Distance).Take(MostMisses)];
    }

    private static Miss ToMiss(string difference, V1Pod[] pods, IDictionary<string, string> selector, List<KeyValuePair<string, string>> wrong)
    {
        var distance = wrong.Sum(pair => 100 + (Value(pods[0], pair.Key) is { } has ? Math.Min(Edits(has, pair.Value), 50) : 60));
        var mended = selector.OrderBy(pair => pair.Key)
            .Select(pair => Value(pods[0], pair.Key) is { } has ? $"{pair.Key}={has}" : null).OfType<string>();
        return new Miss(distance, $"{PodFacts.Names(pods.Select(pod => pod.Metadata.Name), 1)}: {difference}", string.Join(",", mended));
    }

    private static string Difference(V1Pod pod, KeyValuePair<string, string> wanted) =>
        Value(pod, wanted.Key) is { } has ? $"has {wanted.Key}={has} where {wanted.Key}={wanted.Value} is wanted" : $"has no label {wanted.Key}, where {wanted.Key}={wanted.Value} is wanted";

    private static string? Value(V1Pod pod, string key) => pod.Metadata.Labels is { } labels && labels.TryGetValue(key, out var value) ? value : null;

    /// <summary>Levenshtein's distance.</summary>
    internal static int Edits(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var substituted = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
