using Fairlead.Kube;
using Fairlead.Kube.Placement;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>What the Node object says of who may run here: what there is for pods, labels, and taints that drive pods out.</summary>
/// <param name="MaxPods">How many pods the node takes.</param>
internal sealed record NodeOffer(string Name, NodeResources Allocatable, long MaxPods)
{
    public EquatableArray<(string Name, string Value)> Labels { get; init; }

    /// <summary>Those with the effect NoExecute; the others are the scheduler's affair.</summary>
    public EquatableArray<(string Key, string Value)> Taints { get; init; }

    /// <summary>Sysctls that pods may set besides the safe ones.</summary>
    public IReadOnlyList<string> AllowedSysctls { get; init; } = [];

    public string? Label(string name)
    {
        foreach (var label in Labels)
        {
            if (label.Name == name) return label.Value;
        }
        return null;
    }

    public static NodeOffer Of(V1Node node)
    {
        var allocatable = node.Status?.Allocatable ?? node.Status?.Capacity;
        return new NodeOffer(node.Metadata.Name, NodeResources.Of(allocatable), NodeResources.AmountOf(allocatable, "pods"))
        {
            Labels = new([.. (node.Metadata.Labels ?? new Dictionary<string, string>()).OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => (label.Key, label.Value))]),
            Taints = new([.. (node.Spec?.Taints ?? []).Where(taint => taint.Effect == "NoExecute").Select(taint => (taint.Key, taint.Value ?? ""))]),
        };
    }
}
