namespace Fairlead.Node.Pods;

/// <summary>Why a pod must go from its node before it has come to its end.</summary>
/// <param name="Verdict">What its status says of it.</param>
/// <param name="Disruption">Message of its condition DisruptionTarget (Kubernetes documentation: "Pod disruption conditions").</param>
internal sealed record PodEviction(PodVerdict Verdict, string Disruption)
{
    private const string ShuttingDown = "Pod was terminated in response to imminent node shutdown.";

    /// <summary>The reason of those that ended with the machine.</summary>
    public const string ShutdownReason = "Terminated";

    /// <summary>A critical pod needs its room (kubernetes/kubernetes, pkg/kubelet/preemption).</summary>
    public static readonly PodEviction Preempted =
        new(new PodVerdict("Preempting", "Preempted in order to admit critical pod"), "Pod was preempted by Kubelet to accommodate a critical pod.");

    /// <summary>What its containers get at the most, where its own grace is longer; null: their own grace.</summary>
    public TimeSpan? Grace { get; init; }

    /// <summary>The machine shuts down (kubernetes/kubernetes, pkg/kubelet/nodeshutdown).</summary>
    public static PodEviction ByShutdown(TimeSpan grace) => new(new PodVerdict(ShutdownReason, ShuttingDown), ShuttingDown) { Grace = grace };
}
