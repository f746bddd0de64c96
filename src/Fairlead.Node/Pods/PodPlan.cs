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

    /// <summary>
    /// When a pass that ends with this plan must be followed by another though nothing changes. What became due while the pass went on is
    /// still to be done; a stop is under way, and its end comes as a change.
    /// </summary>
    public TimeSpan? NextLook => Actions.Any(action => action is not PodAction.Stop) ? TimeSpan.Zero : Again;

    public static PodPlan Decide(PodFacts facts)
    {
        if (facts.IsTerminating) return Terminate(facts);
        if (facts.HasEnded) return End(facts);
        if (facts.Verdict is { } verdict) return facts.Alive.Any() ? StopAll(facts, verdict.Message) : End(facts);
        var plan = Go(facts);
        return facts.UntilDeadline is { } left && !(plan.Again < left) ? plan with { Again = left } : plan;
    }

    private static PodPlan Go(PodFacts facts)
    {
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

    /// <summary>What a sidecar gets at the least, when those that it serves have taken all the grace.</summary>
    private static readonly TimeSpan LeastGrace = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Sidecars end after the containers that they serve: the last one first, each when all after it have ended, with what is left of the
    /// grace (Kubernetes documentation: "Sidecar Containers", termination with sidecars). Without a grace all end at once.
    /// </summary>
    private static PodPlan StopAll(PodFacts facts, string? message)
    {
        var grace = Grace(facts.Pod);
        if (facts.Memory.Eviction?.Grace is { } most && most < grace) grace = most;
        var sidecars = (facts.Pod.Spec.InitContainers ?? []).Where(PodFacts.IsSidecar).Select(container => container.Name).ToList();
        var main = facts.Alive.Where(container => !sidecars.Contains(container.Name)).ToList();
        if (grace <= TimeSpan.Zero) return Stop(facts.Alive, grace);
        if (main.Count > 0 || sidecars.Count == 0) return Stop(main, grace);
        var last = facts.Alive.MaxBy(container => sidecars.IndexOf(container.Name));
        return Stop(last is null ? [] : [last], Left(facts, grace));

        PodPlan Stop(IEnumerable<ContainerState> containers, TimeSpan time) =>
            new([.. containers.Select(container => new PodAction.Stop(container, time, message ?? $"Stopping container {container.Name}"))]);
    }

    /// <summary>The API dates a pod's deletion to the end of its grace.</summary>
    private static TimeSpan Left(PodFacts facts, TimeSpan grace)
    {
        if (facts.Pod.Metadata.DeletionTimestamp is not { } end) return grace;
        var left = new DateTimeOffset(end) - facts.Now;
        return left < LeastGrace ? LeastGrace : left < grace ? left : grace;
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
