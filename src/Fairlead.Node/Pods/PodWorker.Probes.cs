using System.Collections.Immutable;
using Fairlead.Node.Probes;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

internal sealed partial class PodWorker
{
    private readonly Dictionary<string, ContainerProbes> _probes = [];

    /// <summary>When the earliest verdict of a probe came that no pass has taken over; 0: there is none.</summary>
    private long _verdictAt;

    /// <summary>Begins to probe what has begun to run, ends the probes of what has ended, and takes the results over.</summary>
    private void Probe(V1Pod pod)
    {
        var verdictAt = Interlocked.Exchange(ref _verdictAt, 0);
        var state = runtime.Observe(pod.Metadata.Uid);
        var running = state.Containers.Where(container => container.Phase == ContainerPhase.Running).ToDictionary(container => container.Id);
        foreach (var id in _probes.Keys.Where(id => !running.ContainsKey(id)).ToList()) EndProbes(id);
        var unready = ImmutableHashSet.CreateBuilder<string>();
        var started = ImmutableHashSet.CreateBuilder<string>();
        foreach (var container in pod.Spec.Containers.Concat((pod.Spec.InitContainers ?? []).Where(PodFacts.IsSidecar)))
        {
            if (container is { ReadinessProbe: null, LivenessProbe: null, StartupProbe: null }) continue;
            if (state.Latest(container.Name) is not { Phase: ContainerPhase.Running } latest) continue;
            var probes = ProbesOf(pod, container, latest, state.Sandbox?.Address ?? node.Address.ToString());
            if (probes.IsStarted) started.Add(container.Name);
            if (!probes.IsReady || !probes.IsStarted) unready.Add(container.Name);
            if (!probes.IsAlive) RestartUnhealthy(pod, container, latest, probes.DeadBy);
        }
        // One that could not be told, since the API was away, is the earlier.
        var verdict = _memory.VerdictAt ?? (verdictAt == 0 ? null : new DateTimeOffset(verdictAt, TimeSpan.Zero));
        _memory = _memory with { Unready = unready.ToImmutable(), Started = started.ToImmutable(), VerdictAt = verdict };
    }

    private ContainerProbes ProbesOf(V1Pod pod, V1Container container, ContainerState latest, string address)
    {
        if (_probes.TryGetValue(latest.Id, out var present)) return present;
        var known = pod.Status?.ContainerStatuses?.FirstOrDefault(status => status.ContainerID == $"{runtime.Name}://{latest.Id}");
        var target = new ProbeTarget(pod, container, latest.Id, address);
        return _probes[latest.Id] = new ContainerProbes(
            target,
            known?.Ready == true,
            new ProbeAction(runtime, time),
            time,
            metrics.Probes,
            (kind, verdict) => api.Warning(
                pod, container, verdict.Success ? "ProbeWarning" : "Unhealthy", $"{kind} probe {(verdict.Success ? "warning" : "failed")}: {verdict.Message}"),
            at =>
            {
                NoticeChange();
                Interlocked.CompareExchange(ref _verdictAt, at.UtcTicks, 0);
                again(pod.Metadata.Uid, TimeSpan.Zero);
            });
    }

    private void RestartUnhealthy(V1Pod pod, V1Container container, ContainerState latest, ProbeKind kind)
    {
        // A pod that is being deleted ends its containers anyway.
        if (pod.Metadata.DeletionTimestamp is not null) return;
        var probe = kind == ProbeKind.Startup ? container.StartupProbe : container.LivenessProbe;
        var grace = TimeSpan.FromSeconds(probe?.TerminationGracePeriodSeconds ?? pod.Spec.TerminationGracePeriodSeconds ?? 30);
        var word = kind == ProbeKind.Startup ? "startup" : "liveness";
        Stop(pod, new PodAction.Stop(latest, grace, $"Container {container.Name} failed {word} probe, will be restarted"));
    }

    private void EndProbes(string id)
    {
        if (_probes.Remove(id, out var probes)) probes.Dispose();
    }

    private void EndAllProbes()
    {
        foreach (var id in _probes.Keys.ToList()) EndProbes(id);
    }
}
