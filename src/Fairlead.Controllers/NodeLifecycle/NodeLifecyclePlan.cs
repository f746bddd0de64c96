using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.NodeLifecycle;

/// <summary>What the controller makes of a node.</summary>
/// <param name="MarkUnknown">The node stopped reporting: its conditions are to become Unknown.</param>
/// <param name="IsReady">Whether the node's pods may count as ready.</param>
/// <param name="Taints">Those of the controller's taints that the node should have now.</param>
internal sealed record NodeVerdict(bool MarkUnknown, bool IsReady, ValueList<Taint> Taints);

/// <summary>From heartbeat to taints (Kubernetes documentation: "Nodes", node controller; "Taints and Tolerations", taint based evictions).</summary>
internal static class NodeLifecyclePlan
{
    public const string NotReady = "node.kubernetes.io/not-ready";
    public const string Unreachable = "node.kubernetes.io/unreachable";
    public const string Unschedulable = "node.kubernetes.io/unschedulable";

    /// <param name="silence">How long ago the last heartbeat was seen.</param>
    public static NodeVerdict Decide(NodeItem node, TimeSpan silence, TimeSpan grace)
    {
        var isSilent = silence > grace;
        var ready = isSilent ? "Unknown" : node.Ready;
        var taints = new List<Taint>();
        // A node that has not said anything yet is left as it registered.
        if (ready == "False") taints.AddRange([new(NotReady, "", "NoSchedule"), new(NotReady, "", "NoExecute")]);
        if (ready == "Unknown") taints.AddRange([new(Unreachable, "", "NoSchedule"), new(Unreachable, "", "NoExecute")]);
        if (node.IsUnschedulable) taints.Add(new(Unschedulable, "", "NoSchedule"));
        return new NodeVerdict(isSilent && node.Ready != "Unknown", ready == "True", [.. taints]);
    }

    /// <summary>Whether the node has exactly these of the controller's taints. A node that has yet to report keeps the not-ready taint it registered with.</summary>
    public static bool HasTaints(NodeItem node, NodeVerdict verdict) =>
        node.Taints.Where(taint => IsOurs(taint.Key, node)).ToHashSet().SetEquals(verdict.Taints);

    public static bool IsOurs(string key, NodeItem node) =>
        key is Unreachable or Unschedulable || (key == NotReady && node.Ready.Length > 0);
}
