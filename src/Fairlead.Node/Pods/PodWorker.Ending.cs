using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

internal sealed partial class PodWorker
{
    /// <summary>What a pod gets to end that the API has already forgotten: it was deleted by force.</summary>
    private static readonly TimeSpan OrphanGrace = TimeSpan.FromSeconds(1);

    private readonly HashSet<string> _stopping = [];
    private readonly HashSet<string> _orphaned = [];

    /// <summary>Sets the stop going; the container's end comes as a change. Asked again, a shorter grace counts.</summary>
    private void Stop(V1Pod pod, PodAction.Stop stop)
    {
        var container = EphemeralContainers.All(pod).FirstOrDefault(one => one.Name == stop.Container.Name);
        var isFirst = _stopping.Add(stop.Container.Id);
        if (isFirst) api.Normal(pod, container, "Killing", stop.Message);
        if (_preStops.TryGetValue(stop.Container.Id, out var hookRuns)) hookRuns.AllowAtMost(stop.Grace);
        else if (isFirst && stop.Grace > TimeSpan.Zero && stop.Container.Phase == ContainerPhase.Running && container?.Lifecycle?.PreStop is { } hook)
            _ = StopAfterHookAsync(pod, container, stop, hook);
        else _ = StopAsync(stop.Container, stop.Grace);
    }

    private async Task StopAsync(ContainerState container, TimeSpan grace)
    {
        try
        {
            await runtime.StopContainerAsync(container.PodUid, container.Id, grace, CancellationToken.None);
        }
        catch (Exception e) when (e is TimeoutException or IOException or RuntimeException)
        {
            PodLog.StopFailed(log, container.PodUid, container.Name, e.Message);
            again(container.PodUid, TimeSpan.FromSeconds(1));
        }
    }

    private async Task FinishAsync(V1Pod pod, CancellationToken cancel)
    {
        EndAllProbes();
        LeaveVolumes(pod.Metadata.Uid);
        await runtime.RemoveSandboxAsync(pod.Metadata.Uid, cancel);
        await api.DeleteAsync(pod, cancel);
        PodLog.Finished(log, pod.Metadata.NamespaceProperty, pod.Metadata.Name);
    }

    private async Task RemoveOrphanAsync(string uid, CancellationToken cancel)
    {
        EndAllProbes();
        var alive = runtime.Observe(uid).Containers.Where(container => container.Phase != ContainerPhase.Exited).ToList();
        foreach (var container in alive)
        {
            // Also one that is already on its way to its end, hook or not, with a longer grace.
            if (_orphaned.Add(container.Id)) _ = StopAsync(container, OrphanGrace);
        }
        if (alive.Count > 0) return;
        LeaveVolumes(uid);
        await runtime.RemoveSandboxAsync(uid, cancel);
        PodLog.OrphanRemoved(log, uid);
    }
}
