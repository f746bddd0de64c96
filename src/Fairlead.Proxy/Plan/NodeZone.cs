using k8s.Models;

namespace Fairlead.Proxy.Plan;

/// <summary>What the proxy keeps of its own Node.</summary>
internal sealed record NodeZone(string? Zone)
{
    private const string Label = "topology.kubernetes.io/zone";

    internal static NodeZone From(V1Node node) =>
        new(node.Metadata.Labels is { } labels && labels.TryGetValue(Label, out string? zone) && zone.Length > 0 ? zone : null);
}
