using System.Collections.Immutable;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>Whether the node takes a pod now.</summary>
/// <param name="Rejection">Why it does not and never will; null: it does, or will.</param>
/// <param name="Waits">It will, when others have made room.</param>
internal readonly record struct AdmissionAnswer(PodVerdict? Rejection, bool Waits = false);

/// <summary>
/// Whether the node takes a pod. The scheduler has looked at that, but a pod may name its node itself, and two schedulers may not know of
/// each other. A pod that was taken once stays, also over a restart of the agent or of the machine, unless a critical one needs its room.
/// </summary>
/// <param name="pods">The pods that the API has for this node.</param>
/// <param name="offer">The node as the API has it.</param>
/// <param name="refuses">Whether no pod is taken any more, for the machine shuts down.</param>
/// <param name="preempt">Told of a pod that is to make room.</param>
internal sealed class PodAdmission(Func<IEnumerable<V1Pod>> pods, Func<NodeOffer> offer, Func<bool> refuses, IContainerRuntime runtime, Action<V1Pod> preempt)
{
    private readonly Lock _lock = new();
    private readonly HashSet<string> _taken = [];
    private readonly HashSet<string> _preempted = [];
    private readonly HashSet<string> _waiting = [];

    public AdmissionAnswer Ask(V1Pod pod)
    {
        if (refuses()) return new(AdmissionRule.ShuttingDown);
        ImmutableArray<V1Pod> victims;
        lock (_lock)
        {
            if (IsTaken(pod) || AdmissionRule.Check(pod, offer(), Others(pod)) is not { } verdict) return Take(pod);
            if (!Preemption.IsCritical(pod) || !verdict.Reason.StartsWith("OutOf", StringComparison.Ordinal)) return new(verdict);
            // None, where those that go already make room enough.
            if (Preemption.Choose(pod, offer(), [.. Others(pod).Where(other => !_preempted.Contains(other.Metadata.Uid))]) is not { } chosen) return new(verdict);
            victims = chosen;
            _waiting.Add(pod.Metadata.Uid);
            _preempted.UnionWith(victims.Select(victim => victim.Metadata.Uid));
        }
        foreach (var victim in victims) preempt(victim);
        return new(null, Waits: true);
    }

    /// <summary>The pod is gone.</summary>
    public void Forget(string uid)
    {
        lock (_lock)
        {
            _taken.Remove(uid);
            _preempted.Remove(uid);
            _waiting.Remove(uid);
        }
    }

    /// <summary>The pods to ask for again when a pod has come to its end: those that wait for room.</summary>
    public ImmutableArray<string> Waiting
    {
        get
        {
            lock (_lock) return [.. _waiting];
        }
    }

    private AdmissionAnswer Take(V1Pod pod)
    {
        _waiting.Remove(pod.Metadata.Uid);
        _taken.Add(pod.Metadata.Uid);
        return new(null);
    }

    private List<V1Pod> Others(V1Pod pod) => [.. pods().Where(other => other.Metadata.Uid != pod.Metadata.Uid && IsHere(other))];

    private bool IsHere(V1Pod pod) => pod.Status?.Phase is not ("Succeeded" or "Failed") && IsTaken(pod);

    /// <summary>The agent gives a pod its start time when it has taken it.</summary>
    private bool IsTaken(V1Pod pod) =>
        _taken.Contains(pod.Metadata.Uid) || pod.Status?.StartTime is not null || runtime.Observe(pod.Metadata.Uid).Sandbox is not null;
}
