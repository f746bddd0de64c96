using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Placement;

namespace Fairlead.Controllers.Scheduler;

/// <summary>
/// What runs, or is about to run, on each node: requests, ports, and how many pods of one owner. A pod that was just
/// placed counts at once, before the cache shows it bound, so that a burst of pods spreads. Not thread-safe.
/// </summary>
internal sealed class NodeLoad
{
    private readonly Dictionary<ObjectKey, Placed> _pods = [];
    private readonly Dictionary<string, Load> _nodes = [];
    private readonly HashSet<ObjectKey> _refusing = [];

    /// <summary>The load of one node.</summary>
    public sealed class Load
    {
        public long MilliCpu { get; internal set; }
        public long Memory { get; internal set; }
        public long EphemeralStorage { get; internal set; }
        public int Pods { get; internal set; }
        internal Dictionary<string, long> Others { get; } = [];
        internal Dictionary<string, int> Groups { get; } = [];
        internal List<PodPort> HostPorts { get; } = [];

        /// <summary>How many pods of the group run here; a group is an owner's UID or a set of labels.</summary>
        public int Of(string group) => Groups.GetValueOrDefault(group);
    }

    public static readonly Load None = new();

    /// <summary>All placed pods and their nodes.</summary>
    public IEnumerable<(PodItem Pod, string Node)> Placements => _pods.Values.Select(placed => (placed.Pod, placed.Node));

    /// <summary>Placed pods that want none of certain others beside them: usually few.</summary>
    public IEnumerable<((PodItem Pod, string Node) Other, PodTerm Term)> Refusals =>
        _refusing.Select(key => _pods[key]).SelectMany(placed => placed.Pod.Demand.Neighbours.Without.Select(term => ((placed.Pod, placed.Node), term)));

    public Load On(string node) => _nodes.GetValueOrDefault(node, None);

    /// <summary>Counts a pod on the node where the cache shows it, or no longer.</summary>
    public void Observe(ObjectKey key, PodItem? pod)
    {
        if (pod is null || pod.IsTerminal) Remove(key);
        else if (pod.NodeName.Length > 0) Put(pod, pod.NodeName);
        else if (_pods.TryGetValue(key, out var placed) && placed.Uid != pod.Meta.Uid) Remove(key);
    }

    /// <summary>Counts a pod where it is going to be.</summary>
    public void Assume(PodItem pod, string node) => Put(pod, node);

    /// <summary>The binding failed.</summary>
    public void Forget(PodItem pod)
    {
        if (_pods.TryGetValue(pod.Key, out var placed) && placed.Uid == pod.Meta.Uid) Remove(pod.Key);
    }

    public bool IsPlaced(PodItem pod) => _pods.TryGetValue(pod.Key, out var placed) && placed.Uid == pod.Meta.Uid;

    /// <summary>Pods that are to be spread count together: those of one managing owner, else those with equal labels.</summary>
    public static string Group(PodItem pod) =>
        pod.Meta.Controller?.Uid
        ?? $"{pod.Key.Namespace}/{string.Join(',', pod.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}"))}";

    private void Put(PodItem pod, string node)
    {
        if (_pods.TryGetValue(pod.Key, out var placed))
        {
            if (placed.Uid == pod.Meta.Uid && placed.Node == node)
            {
                _pods[pod.Key] = placed with { Pod = pod };
                return;
            }
            Remove(pod.Key);
        }
        placed = new Placed(pod, node, pod.Demand.Requests, Group(pod), [.. pod.Ports.Where(port => port.HostPort > 0)]);
        _pods[pod.Key] = placed;
        if (pod.Demand.Neighbours.Without.Count > 0) _refusing.Add(pod.Key);
        if (!_nodes.TryGetValue(node, out var load)) _nodes[node] = load = new Load();
        Count(load, placed.Requests, 1);
        load.Pods++;
        load.Groups[placed.Group] = load.Of(placed.Group) + 1;
        load.HostPorts.AddRange(placed.HostPorts);
    }

    private void Remove(ObjectKey key)
    {
        if (!_pods.Remove(key, out var placed)) return;
        _refusing.Remove(key);
        var load = _nodes[placed.Node];
        Count(load, placed.Requests, -1);
        load.Pods--;
        foreach (var port in placed.HostPorts) load.HostPorts.Remove(port);
        if (load.Of(placed.Group) > 1) load.Groups[placed.Group]--;
        else load.Groups.Remove(placed.Group);
        if (load.Pods == 0) _nodes.Remove(placed.Node);
    }

    private static void Count(Load load, NodeResources requests, int sign)
    {
        load.MilliCpu += sign * requests.MilliCpu;
        load.Memory += sign * requests.Memory;
        load.EphemeralStorage += sign * requests.EphemeralStorage;
        foreach (var other in requests.Others) load.Others[other.Name] = load.Others.GetValueOrDefault(other.Name) + sign * other.Value;
    }

    private sealed record Placed(PodItem Pod, string Node, NodeResources Requests, string Group, ValueList<PodPort> HostPorts)
    {
        public string Uid => Pod.Meta.Uid;
    }
}
