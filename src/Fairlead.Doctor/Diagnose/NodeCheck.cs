using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Diagnose;

/// <summary>The nodes: whether they are alive, and whether their kernel does what the objects say.</summary>
internal static class NodeCheck
{
    private const int MostDifferences = 3;

    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        foreach (var node in service.Nodes.Where(node => !ReadinessCheck.IsReady(node)))
        {
            yield return new Finding(Severity.Warning, "node-not-ready", $"node/{node.Metadata.Name}", "it is not Ready: its pods are no endpoints, and what clients on it see is old",
                ReadinessCheck.NodeReason(node), $"kubectl describe node {node.Metadata.Name}");
        }
        foreach (var seen in service.Seen.Nodes)
        {
            if (Agent(seen) is { } finding) yield return finding;
        }
        foreach (var kernel in service.Seen.Kernel)
        {
            if (Kernel(service, kernel) is { } finding) yield return finding;
        }
    }

    private static Finding? Agent(NodeSeen node) => node.State switch
    {
        NodeState.Stopped => new Finding(Severity.Problem, "node-stopped", $"node/{node.Node}", "it was stopped, as if its machine had lost power: its pods have ended, and its endpoints go once it is NotReady",
            "its network namespace is gone", node.Start),
        NodeState.Down => new Finding(Severity.Problem, "agent-down", $"node/{node.Node}", "its agent does not run: nothing on it follows changes any more, and its DNS is silent",
            "the process is gone", node.Start),
        NodeState.Silent => new Finding(Severity.Problem, "proxy-silent", $"node/{node.Node}", "its load balancer does not answer: the kernel's tables do not follow changes",
            "GET /healthz on port 10256, from the node, was not answered within a second", "look at the agent's log; the process can be killed and started again: " + node.Start),
        _ => null,
    };

    private static Finding? Kernel(ServiceCase service, KernelSeen kernel)
    {
        if (kernel.Failure is { } failure)
        {
            return new Finding(Severity.Warning, "kernel-unread", $"node/{kernel.Node}", $"its kernel tables could not be read for {service.About}", failure, "run the doctor as root");
        }
        if (kernel.Differences.Count == 0) return null;
        var more = kernel.Differences.Count > MostDifferences ? $"; and {kernel.Differences.Count - MostDifferences} more" : "";
        return new Finding(Severity.Problem, "kernel-differs", $"node/{kernel.Node}",
            $"its kernel does not do what {service.About} says: {PodFacts.Count(kernel.Differences.Count, "difference")}",
            string.Join("; ", kernel.Differences.Take(MostDifferences)) + more,
            "the node's load balancer puts this right within a second while it runs; `nft list table ip fairlead` in the node's namespace shows what is there");
    }
}
