using k8s.Models;

namespace Fairlead.Node.Pods;

internal sealed partial class PodWorker
{
    private async Task WriteStatusAsync(V1Pod pod, CancellationToken cancel)
    {
        Probe(pod);
        var facts = Look(pod);
        AnnounceBackOffs(facts);
        var wanted = PodStatusRule.Build(facts, node.Address.ToString(), runtime.Name);
        // The cache may still show the pod as it was before our last write; what was written counts then.
        var known = _written is { } last && last.Version == pod.Metadata.ResourceVersion ? last.Status : pod.Status;
        var since = Interlocked.Exchange(ref _changedAt, 0);
        var changes = StatusChanges.Between(known, wanted);
        if (changes is not null) await api.PatchStatusAsync(pod, changes, Turns(known, wanted) ? facts.Memory.VerdictAt : null, cancel);
        _memory = _memory with { VerdictAt = null };
        if (changes is null) return;
        _written = (pod.Metadata.ResourceVersion, wanted);
        metrics.StatusWritten(time.GetElapsedTime(since));
        if (wanted.Phase != "Running" || _isOld == true) return;
        _isOld = true;
        metrics.PodRuns(time.GetUtcNow() - _born);
    }

    /// <summary>Whether the pod becomes ready or ceases to be.</summary>
    private static bool Turns(V1PodStatus? before, V1PodStatus wanted) => IsReady(before) != IsReady(wanted);

    private static bool IsReady(V1PodStatus? status) => status?.Conditions?.Any(condition => condition is { Type: "Ready", Status: "True" }) == true;

    /// <summary>When the change happened that the next status tells of; 0: none did.</summary>
    private long _changedAt;

    /// <summary>Whether the pod has run before, or was here before this agent; null: nobody has looked.</summary>
    private bool? _isOld;

    private void NoticeChange() => Interlocked.CompareExchange(ref _changedAt, time.GetTimestamp(), 0);

    private readonly Dictionary<string, int> _announced = [];
    private readonly Dictionary<string, DateTimeOffset> _announcedPulls = [];

    /// <summary>One event each time that a container begins to wait for its restart.</summary>
    private void AnnounceBackOffs(PodFacts facts)
    {
        foreach (var container in EphemeralContainers.All(facts.Pod))
        {
            AnnouncePullBackOff(facts, container);
            if (facts.IsTerminating || facts.Runtime.Latest(container.Name) is not { FinishedAt: { } finished } latest) continue;
            if (RestartBackOff.Remaining(facts.Memory.BackOffs.GetValueOrDefault(container.Name), finished, facts.Now) <= TimeSpan.Zero) continue;
            if (_announced.GetValueOrDefault(container.Name, -1) == latest.Attempt) continue;
            _announced[container.Name] = latest.Attempt;
            var pod = facts.Pod.Metadata;
            api.Warning(facts.Pod, container, "BackOff",
                $"Back-off restarting failed container {container.Name} in pod {pod.Name}_{pod.NamespaceProperty}({pod.Uid})");
        }
    }

    private void AnnouncePullBackOff(PodFacts facts, V1Container container)
    {
        if (facts.Memory.Failures.GetValueOrDefault(container.Name) is not { } failure || !failure.IsPullBackOff(facts.Now)) return;
        if (_announcedPulls.GetValueOrDefault(container.Name) == failure.Since) return;
        _announcedPulls[container.Name] = failure.Since;
        api.Normal(facts.Pod, container, "BackOff", ContainerStatuses.BackOffPulling(container));
        api.Warning(facts.Pod, container, "Failed", "Error: ImagePullBackOff");
    }
}
