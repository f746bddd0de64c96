using System.Collections.Immutable;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>
/// Which containers of a living pod to start or stop: init containers one after the other, then all others together
/// (Kubernetes documentation: "Init Containers", "Sidecar Containers", "Pod Lifecycle").
/// </summary>
internal sealed class ContainerSteps
{
    private readonly PodFacts _facts;
    private readonly List<PodAction> _actions = [];
    private TimeSpan? _again;

    private ContainerSteps(PodFacts facts) => _facts = facts;

    /// <param name="AllDone">No container runs nor will run again.</param>
    public sealed record Result(ImmutableArray<PodAction> Actions, TimeSpan? Again, bool AllDone);

    public static Result Decide(PodFacts facts) => new ContainerSteps(facts).Decide();

    /// <summary>What is so of one container.</summary>
    private enum Standing
    {
        /// <summary>It is being started, or waits to be.</summary>
        Pending,
        Running,
        Succeeded,
        Failed,
    }

    private Result Decide()
    {
        var spec = _facts.Pod.Spec;
        if (spec.Containers.All(IsOver)) return Done(true);
        foreach (var container in spec.InitContainers ?? [])
        {
            var standing = Step(container, init: true);
            if (standing == Standing.Failed) return Done(true);
            // A sidecar's startup probe holds up those after it.
            var mayGoOn = standing == Standing.Succeeded || (PodFacts.IsSidecar(container) && standing == Standing.Running && _facts.HasStarted(container)) || MainHasBegun;
            if (!mayGoOn) return Done(false);
        }
        var all = spec.Containers.Select(container => Step(container, init: false)).ToList();
        foreach (var container in EphemeralContainers.Of(_facts.Pod).Where(container => _facts.Runtime.Latest(container.Name) is null))
            Start(container, init: false, attempt: 0, TimeSpan.Zero);
        return Done(all.TrueForAll(standing => standing is Standing.Succeeded or Standing.Failed));
    }

    private bool MainHasBegun => _facts.Pod.Spec.Containers.Any(container => _facts.Runtime.Latest(container.Name) is { } latest && !IsOfBefore(latest));

    /// <summary>
    /// A sandbox that was lost is made anew, and with it everything begins again: "If the Pod restarts, or is restarted, all init containers must
    /// execute again" (Kubernetes documentation: "Init Containers").
    /// </summary>
    private bool IsOfBefore(ContainerState container) => !_facts.IsSandboxReady || _facts.IsOfBefore(container);

    private bool IsOver(V1Container container) =>
        _facts.Runtime.Latest(container.Name) is { Phase: ContainerPhase.Exited } latest && latest.Image == container.Image && !_facts.Restarts(container, init: false, latest.ExitCode);

    private Result Done(bool allDone) => new([.. _actions], _again, allDone);

    private Standing Step(V1Container container, bool init)
    {
        var latest = _facts.Runtime.Latest(container.Name);
        if (latest is { Phase: not ContainerPhase.Exited })
        {
            if (latest.Image != container.Image)
                _actions.Add(new PodAction.Stop(latest, PodPlan.Grace(_facts.Pod), $"Container {container.Name} definition changed, will be restarted"));
            return Standing.Running;
        }
        if (latest is null)
        {
            // Its first run is over and was cleaned away if those after it have begun.
            if (init && MainHasBegun && !PodFacts.IsSidecar(container)) return Standing.Succeeded;
            Start(container, init, attempt: 0, TimeSpan.Zero);
            return Standing.Pending;
        }
        var changed = latest.Image != container.Image;
        if (init && latest.ExitCode == 0 && !PodFacts.IsSidecar(container) && !IsOfBefore(latest)) return Standing.Succeeded;
        if (!changed && !_facts.Restarts(container, init, latest.ExitCode) && !(init && latest.ExitCode == 0))
            return latest.ExitCode == 0 ? Standing.Succeeded : Standing.Failed;
        var wait = changed ? TimeSpan.Zero
            : RestartBackOff.Remaining(_facts.Memory.BackOffs.GetValueOrDefault(container.Name), latest.FinishedAt ?? _facts.Now, _facts.Now);
        Start(container, init, latest.Attempt + 1, wait);
        return Standing.Pending;
    }

    private void Start(V1Container container, bool init, int attempt, TimeSpan wait)
    {
        // The end of the pull brings the pod back.
        if (_facts.Memory.Pulling.Contains(container.Name)) return;
        if (_facts.Memory.Failures.GetValueOrDefault(container.Name) is { } failure && failure.RetryAt - _facts.Now > wait)
            wait = failure.NextLook(_facts.Now) - _facts.Now;
        if (wait <= TimeSpan.Zero) _actions.Add(new PodAction.Start(container, init, attempt));
        else if (_again is null || wait < _again) _again = wait;
    }
}
