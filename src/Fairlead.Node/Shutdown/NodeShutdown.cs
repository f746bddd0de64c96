using Fairlead.Node.Pods;
using Fairlead.Node.Registration;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Shutdown;

/// <summary>The node's part of its machine's shutdown: not Ready, no pod is taken, those that are here end in groups.</summary>
/// <param name="announce">Records the node's event.</param>
internal sealed class NodeShutdown(PodLoop pods, NodeRegistration registration, Action announce, ILogger log, TimeProvider time) : INodeShutdown
{
    public async Task EndPodsAsync(ShutdownGrace grace, CancellationToken cancel)
    {
        pods.Refuse();
        registration.SetShuttingDown(true);
        announce();
        pods.Metrics.ShutdownBegins(time.GetUtcNow());
        foreach (var group in ShutdownPlan.Groups(pods.Pods, grace))
        {
            cancel.ThrowIfCancellationRequested();
            var left = await pods.EndAsync(group.Pods, group.Time, cancel);
            if (left > 0) ShutdownLog.OutOfTime(log, left, group.Time.TotalSeconds);
        }
        pods.Metrics.ShutdownEnds(time.GetUtcNow());
    }

    public void Resume()
    {
        pods.Resume();
        registration.SetShuttingDown(false);
    }
}
