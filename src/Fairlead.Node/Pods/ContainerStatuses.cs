using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>
/// Container statuses with the states, reasons and messages that kubelet gives (Kubernetes documentation: "Pod Lifecycle",
/// "Container states").
/// </summary>
internal sealed class ContainerStatuses(PodFacts facts, string runtime)
{
    private readonly bool _initialized = (facts.Pod.Spec.InitContainers ?? []).All(container => IsInitialized(facts, container));

    /// <summary>An init container that has done what those after it wait for.</summary>
    public static bool IsInitialized(PodFacts facts, V1Container container) => facts.Runtime.Latest(container.Name) switch
    {
        { Phase: ContainerPhase.Exited, ExitCode: 0 } done => !facts.IsOfBefore(done),
        { Phase: ContainerPhase.Running } => PodFacts.IsSidecar(container),
        null => facts.Pod.Spec.Containers.Any(main => facts.Runtime.Latest(main.Name) is not null),
        _ => false,
    };

    public V1ContainerStatus Of(V1Container container, bool init)
    {
        var latest = facts.Runtime.Latest(container.Name);
        var previous = facts.Runtime.Previous(container.Name);
        var state = StateOf(container, init, latest, out var isWaitingAgain);
        var last = isWaitingAgain ? latest : previous;
        var running = state.Running is not null;
        return new V1ContainerStatus
        {
            Name = container.Name,
            Image = latest?.ImageReference ?? latest?.Image ?? container.Image,
            ImageID = latest?.ImageId ?? "",
            ContainerID = latest is null ? null : IdOf(latest),
            RestartCount = latest?.Attempt ?? 0,
            Ready = init && !PodFacts.IsSidecar(container)
                ? latest is { Phase: ContainerPhase.Exited, ExitCode: 0 }
                : running && !facts.Memory.Unready.Contains(container.Name),
            Started = running && facts.HasStarted(container),
            State = state,
            LastState = last is null ? new V1ContainerState() : new V1ContainerState { Terminated = Terminated(last) },
        };
    }

    private V1ContainerState StateOf(V1Container container, bool init, ContainerState? latest, out bool isWaitingAgain)
    {
        isWaitingAgain = false;
        switch (latest)
        {
            case { Phase: ContainerPhase.Running }:
                return new V1ContainerState { Running = new V1ContainerStateRunning { StartedAt = Seconds(latest.StartedAt) } };
            case { Phase: ContainerPhase.Exited }:
                isWaitingAgain = WillRestart(container, init, latest);
                if (!isWaitingAgain) return new V1ContainerState { Terminated = Terminated(latest) };
                break;
            default:
                break;
        }
        return new V1ContainerState { Waiting = WaitingFor(container, init, latest) };
    }

    private bool WillRestart(V1Container container, bool init, ContainerState latest) =>
        !facts.IsTerminating && !facts.HasEnded && facts.Restarts(container, init, latest.ExitCode)
        && (IsWaiting(container, latest) || facts.Memory.Failures.ContainsKey(container.Name));

    /// <summary>One that is to be started at once stays terminated until it is, as kubelet leaves it.</summary>
    private bool IsWaiting(V1Container container, ContainerState latest) =>
        RestartBackOff.Remaining(facts.Memory.BackOffs.GetValueOrDefault(container.Name), latest.FinishedAt ?? facts.Now, facts.Now) > TimeSpan.Zero;

    private V1ContainerStateWaiting WaitingFor(V1Container container, bool init, ContainerState? latest)
    {
        if (facts.Memory.Failures.GetValueOrDefault(container.Name) is { } failure)
        {
            return failure.IsPullBackOff(facts.Now)
                ? new V1ContainerStateWaiting { Reason = "ImagePullBackOff", Message = $"{BackOffPulling(container)}: {failure.Reason}: {failure.Message}" }
                : new V1ContainerStateWaiting { Reason = failure.Reason, Message = failure.Message };
        }
        if (latest is { Phase: ContainerPhase.Exited })
        {
            var delay = facts.Memory.BackOffs.GetValueOrDefault(container.Name)?.Delay ?? RestartBackOff.First;
            return new V1ContainerStateWaiting { Reason = "CrashLoopBackOff", Message = CrashLoop(facts.Pod, container.Name, delay) };
        }
        var waitsForInit = facts.Pod.Spec.InitContainers is { Count: > 0 } && (init || !_initialized);
        return new V1ContainerStateWaiting { Reason = waitsForInit ? "PodInitializing" : "ContainerCreating" };
    }

    public static string BackOffPulling(V1Container container) => $"Back-off pulling image \"{container.Image}\"";

    public static string CrashLoop(V1Pod pod, string container, TimeSpan delay) =>
        $"back-off {RestartBackOff.Text(delay)} restarting failed container={container} pod={pod.Metadata.Name}_{pod.Metadata.NamespaceProperty}({pod.Metadata.Uid})";

    private V1ContainerStateTerminated Terminated(ContainerState container) => new()
    {
        ExitCode = container.ExitCode,
        Reason = container.Reason,
        Message = container.Message,
        StartedAt = Seconds(container.StartedAt ?? container.CreatedAt),
        FinishedAt = Seconds(container.FinishedAt),
        ContainerID = IdOf(container),
    };

    private string IdOf(ContainerState container) => $"{runtime}://{container.Id}";

    /// <summary>The API keeps whole seconds; comparing finer ones would find a difference each time.</summary>
    internal static DateTime? Seconds(DateTimeOffset? time) =>
        time is { } given ? new DateTime(given.UtcTicks - given.UtcTicks % TimeSpan.TicksPerSecond, DateTimeKind.Utc) : null;
}
