using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Usage;
using k8s.Models;

namespace Fairlead.Node.Metrics;

/// <summary>What the node and its pods use at one moment: what all the forms of it are written from.</summary>
internal sealed record NodeSnapshot(string Node, DateTimeOffset At, GroupUsage Usage, IReadOnlyList<PodSnapshot> Pods);

internal sealed record PodSnapshot(V1Pod Pod, PodUsage Usage)
{
    public string Namespace => Pod.Metadata.NamespaceProperty;

    public string Name => Pod.Metadata.Name;

    /// <summary>The labels by which Kubernetes names a pod's metrics.</summary>
    public string Labels => $"namespace=\"{Namespace}\",pod=\"{Name}\"";
}

/// <summary>Reads the accounts when somebody asks, and never else.</summary>
internal sealed class NodeSnapshots(string node, PodLoop pods, IContainerRuntime runtime, MachineUsage machine, TimeProvider time)
{
    public NodeSnapshot Take()
    {
        // The node last, as with a pod and its containers: the whole never has less than its parts.
        var running = Running().ToList();
        return new NodeSnapshot(node, time.GetUtcNow(), machine.Read(), running);
    }

    private IEnumerable<PodSnapshot> Running()
    {
        foreach (var pod in pods.Pods.OrderBy(pod => pod.Metadata.NamespaceProperty, StringComparer.Ordinal).ThenBy(pod => pod.Metadata.Name, StringComparer.Ordinal))
        {
            if (pod.Status?.Phase is not ("Succeeded" or "Failed") && runtime.ReadUsage(pod.Metadata.Uid) is { } usage) yield return new PodSnapshot(pod, usage);
        }
    }
}
