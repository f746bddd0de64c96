namespace Fairlead.Node.Shutdown;

/// <summary>
/// How long pods get when the machine shuts down (Kubernetes documentation: "Node Shutdowns", graceful node shutdown). Kubelet's
/// shutdownGracePeriod and shutdownGracePeriodCriticalPods.
/// </summary>
/// <param name="Total">For all pods.</param>
/// <param name="Critical">The last part of it, which critical pods have for themselves.</param>
public sealed record ShutdownGrace(TimeSpan Total, TimeSpan Critical)
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(1);

    /// <summary>What is wrong with it, in the words of the options; null: nothing. Neither may be below a second, unless it is 0.</summary>
    public string? Fault() =>
        IsTooShort(Total) ? "--shutdown-grace-period must be 0 or at least 1s"
        : IsTooShort(Critical) ? "--shutdown-grace-period-critical-pods must be 0 or at least 1s"
        : Critical > Total ? "--shutdown-grace-period-critical-pods must not be longer than --shutdown-grace-period, of which it is a part"
        : null;

    private static bool IsTooShort(TimeSpan time) => time < TimeSpan.Zero || (time > TimeSpan.Zero && time < Least);
}
