using System.Collections.Immutable;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>One thing to be done for a pod.</summary>
internal abstract record PodAction
{
    public sealed record CreateSandbox : PodAction;

    public sealed record StopSandbox : PodAction;

    public sealed record Start(V1Container Container, bool Init, int Attempt) : PodAction;

    /// <summary>Only set going: the end comes as a change of its own.</summary>
    public sealed record Stop(ContainerState Container, TimeSpan Grace, string Message) : PodAction;

    public sealed record Remove(ContainerState Container) : PodAction;

    /// <summary>Everything has ended: take all down and let the API forget the pod.</summary>
    public sealed record Finish : PodAction;
}

/// <summary>What is to be done for a pod now, in order, and when to look again though nothing changes.</summary>
internal sealed record PodPlan(ImmutableArray<PodAction> Actions, TimeSpan? Again = null)
{
    /// <summary>Ended containers of one name that are kept beside the newest, for <c>kubectl logs --previous</c>.</summary>
    private const int KeptEnded = 1;

    public static PodPlan Decide(PodFacts facts)
    {
        if (facts.IsTerminating) return Terminate(facts);
        if (facts.HasEnded) return End(facts);
        if (facts.Alive.Any() && !facts.IsSandboxReady) return StopAll(facts, "The pod sandbox is gone; its containers are started anew");
        if (facts.Memory.PodFailure is { } failure && failure.RetryAt > facts.Now) return new([], failure.RetryAt - facts.Now);
        var steps = ContainerSteps.Decide(facts);
        var cleaning = Superfluous(facts);
        if (steps.AllDone) return End(facts);
        if (!facts.IsSandboxReady && steps.Actions.Any(action => action is PodAction.Start)) return new([new PodAction.CreateSandbox()]);
        return new([.. steps.Actions, .. cleaning], steps.Again);
    }

    private static PodPlan Terminate(PodFacts facts)
    {
        if (facts.Alive.Any()) return StopAll(facts, null);
        return new(facts.IsSandboxReady ? [new PodAction.StopSandbox(), new PodAction.Finish()] : [new PodAction.Finish()]);
    }

    /// <summary>The containers' work is done: the network goes, logs and exit codes stay until the pod is deleted.</summary>
    private static PodPlan End(PodFacts facts)
    {
        if (facts.Alive.Any()) return StopAll(facts, null);
        return new(facts.IsSandboxReady ? [new PodAction.StopSandbox()] : []);
    }

    private static PodPlan StopAll(PodFacts facts, string? message)
    {
        var grace = Grace(facts.Pod);
        return new([.. facts.Alive.Select(container => new PodAction.Stop(container, grace, message ?? $"Stopping container {container.Name}"))]);
    }

    internal static TimeSpan Grace(V1Pod pod) =>
        TimeSpan.FromSeconds(pod.Metadata.DeletionGracePeriodSeconds ?? pod.Spec.TerminationGracePeriodSeconds ?? 30);

    private static IEnumerable<PodAction> Superfluous(PodFacts facts) =>
        from container in facts.Runtime.Containers
        group container by container.Name into named
        from old in named.OrderByDescending(container => container.Attempt).Skip(1 + KeptEnded)
        where old.Phase == ContainerPhase.Exited
        select new PodAction.Remove(old);
}
