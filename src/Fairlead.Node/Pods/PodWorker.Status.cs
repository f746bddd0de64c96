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
        if (StatusChanges.Between(known, wanted) is not { } changes) return;
        await api.PatchStatusAsync(pod, changes, cancel);
        _written = (pod.Metadata.ResourceVersion, wanted);
    }

    private readonly Dictionary<string, int> _announced = [];

    /// <summary>One event each time that a container begins to wait for its restart.</summary>
    private void AnnounceBackOffs(PodFacts facts)
    {
        foreach (var container in facts.Pod.Spec.Containers.Concat(facts.Pod.Spec.InitContainers ?? []))
        {
            if (facts.IsTerminating || facts.Runtime.Latest(container.Name) is not { FinishedAt: { } finished } latest) continue;
            if (RestartBackOff.Remaining(facts.Memory.BackOffs.GetValueOrDefault(container.Name), finished, facts.Now) <= TimeSpan.Zero) continue;
            if (_announced.GetValueOrDefault(container.Name, -1) == latest.Attempt) continue;
            _announced[container.Name] = latest.Attempt;
            var pod = facts.Pod.Metadata;
            api.Warning(facts.Pod, container, "BackOff",
                $"Back-off restarting failed container {container.Name} in pod {pod.Name}_{pod.NamespaceProperty}({pod.Uid})");
        }
    }
}
