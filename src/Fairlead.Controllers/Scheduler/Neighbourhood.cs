using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Scheduler;

/// <summary>
/// What the pods that are placed already say about where one more may go (Kubernetes documentation: "Assigning Pods to Nodes",
/// inter-pod affinity and anti-affinity; "Pod Topology Spread Constraints"). Made once for a pod, asked for each node.
/// </summary>
internal sealed class Neighbourhood
{
    private readonly PodItem _pod;
    private readonly List<(PodTerm Term, HashSet<string> Domains)> _with = [];
    private readonly List<(PodTerm Term, HashSet<string> Domains)> _without = [];
    private readonly HashSet<(string Key, string Domain)> _refused = [];
    private readonly List<(SpreadRule Rule, Dictionary<string, int> Counts, int Least, bool IncludesPod)> _spread = [];
    private readonly List<(int Weight, PodTerm Term, Dictionary<string, int> Counts)> _preferred = [];
    private readonly bool _isFirst;

    private Neighbourhood(PodItem pod, IReadOnlyCollection<NodeItem> nodes, NodeLoad load)
    {
        _pod = pod;
        foreach (var (other, term) in load.Refusals)
        {
            if (term.Matches(other.Pod.Key.Namespace, pod) && Domain(nodes, other.Node, term.TopologyKey) is { } domain) _refused.Add((term.TopologyKey, domain));
        }
        var affinity = pod.Demand.Neighbours;
        if (affinity == PodAffinity.None) return;
        var byName = nodes.ToDictionary(node => node.Name);
        var placed = load.Placements.Where(other => byName.ContainsKey(other.Node)).Select(other => (other.Pod, Node: byName[other.Node])).ToList();
        foreach (var term in affinity.With) _with.Add((term, [.. DomainsOf(term, placed)]));
        foreach (var term in affinity.Without) _without.Add((term, [.. DomainsOf(term, placed)]));
        foreach (var (weight, term) in affinity.PreferredPods) _preferred.Add((weight, term, DomainsOf(term, placed).CountBy(domain => domain).ToDictionary()));
        foreach (var rule in affinity.Spread) _spread.Add(Count(rule, nodes, placed));
        // The first of a group that wants to be together may begin anywhere.
        _isFirst = _with.All(with => with.Domains.Count == 0) && affinity.With.All(term => term.Matches(pod.Key.Namespace, pod));
    }

    public static Neighbourhood Of(PodItem pod, IReadOnlyCollection<NodeItem> nodes, NodeLoad load) => new(pod, nodes, load);

    /// <summary>Null where the node fits.</summary>
    public Misfit? Check(NodeItem node)
    {
        foreach (var (rule, counts, least, includesPod) in _spread)
        {
            if (!rule.IsHard) continue;
            if (!node.Labels.TryGetValue(rule.TopologyKey, out var domain)) return new("node(s) didn't match pod topology spread constraints (missing required label)", false);
            if (counts.GetValueOrDefault(domain) + (includesPod ? 1 : 0) - least > rule.MaxSkew) return new("node(s) didn't match pod topology spread constraints", true);
        }
        if (!_with.All(with => node.Labels.TryGetValue(with.Term.TopologyKey, out var domain) && (_isFirst || with.Domains.Contains(domain))))
            return new("node(s) didn't match pod affinity rules", false);
        if (_without.Any(without => node.Labels.TryGetValue(without.Term.TopologyKey, out var domain) && without.Domains.Contains(domain)))
            return new("node(s) didn't match pod anti-affinity rules", true);
        return _refused.Any(refused => node.Labels.TryGetValue(refused.Key, out var domain) && domain == refused.Domain)
            ? new("node(s) didn't satisfy existing pods anti-affinity rules", true)
            : null;
    }

    /// <summary>How much the pod would like the node; higher is better.</summary>
    public int Preference(NodeItem node)
    {
        var sum = -node.Taints.Count(taint => taint.Effect == "PreferNoSchedule" && !_pod.Demand.Tolerates(taint));
        foreach (var (weight, term) in _pod.Demand.Neighbours.PreferredNodes)
        {
            if (NodeFilter.Matches(term, node)) sum += weight;
        }
        foreach (var (weight, term, counts) in _preferred)
        {
            if (node.Labels.TryGetValue(term.TopologyKey, out var domain)) sum += weight * counts.GetValueOrDefault(domain);
        }
        foreach (var (rule, counts, _, _) in _spread)
        {
            if (!rule.IsHard && node.Labels.TryGetValue(rule.TopologyKey, out var domain)) sum -= counts.GetValueOrDefault(domain);
        }
        return sum;
    }

    private IEnumerable<string> DomainsOf(PodTerm term, IEnumerable<(PodItem Pod, NodeItem Node)> placed)
    {
        foreach (var (other, node) in placed)
        {
            if (node.Labels.TryGetValue(term.TopologyKey, out var domain) && term.Matches(_pod.Key.Namespace, other)) yield return domain;
        }
    }

    /// <summary>Only domains of nodes that the pod may go to at all count; those without a pod count as empty ones.</summary>
    private (SpreadRule, Dictionary<string, int>, int, bool) Count(SpreadRule rule, IEnumerable<NodeItem> nodes, IEnumerable<(PodItem Pod, NodeItem Node)> placed)
    {
        var counts = new Dictionary<string, int>();
        foreach (var node in nodes)
        {
            if (node.Labels.TryGetValue(rule.TopologyKey, out var domain) && NodeFilter.MatchesAffinity(_pod.Demand, node)) counts[domain] = 0;
        }
        foreach (var (other, node) in placed)
        {
            if (node.Labels.TryGetValue(rule.TopologyKey, out var domain) && counts.TryGetValue(domain, out var count) && rule.Counts(_pod, other)) counts[domain] = count + 1;
        }
        var least = counts.Count < rule.MinDomains ? 0 : counts.Values.DefaultIfEmpty().Min();
        return (rule, counts, least, rule.Counts(_pod, _pod));
    }

    private static string? Domain(IEnumerable<NodeItem> nodes, string name, string key) =>
        nodes.FirstOrDefault(node => node.Name == name)?.Labels is { } labels && labels.TryGetValue(key, out var domain) ? domain : null;
}
