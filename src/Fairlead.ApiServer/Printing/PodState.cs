using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>
/// The one word for a pod's state that kubectl shows, with the counts beside it: the phase, unless a container has
/// something more telling to say (Kubernetes documentation: "Pod Lifecycle", "Debug Init Containers").
/// </summary>
internal sealed class PodState
{
    private readonly JsonElement _pod;
    private readonly HashSet<string> _sidecars;
    private long _sidecarRestarts;
    private DateTimeOffset? _lastSidecarRestart;

    private PodState(JsonElement pod)
    {
        _pod = pod;
        _sidecars = [.. pod.List("spec", "initContainers").Where(init => init.Text("restartPolicy") == "Always").Select(init => init.Text("name"))];
        Containers = pod.List("spec", "containers").Count() + _sidecars.Count;
        Reason = pod.Text("status", "reason").Or(pod.Text("status", "phase"));
    }

    public int Containers { get; }
    public int ReadyContainers { get; private set; }
    public string Reason { get; private set; }
    public long Restarts { get; private set; }
    public DateTimeOffset? LastRestart { get; private set; }

    public static PodState Read(JsonElement pod)
    {
        var state = new PodState(pod);
        if (pod.List("status", "conditions").Any(condition => condition.Text("type") == "PodScheduled" && condition.Text("reason") == "SchedulingGated"))
            state.Reason = "SchedulingGated";
        if (!state.ReadInitContainers() || state.HasCondition("Initialized")) state.ReadContainers();
        state.ReadDeletion();
        return state;
    }

    /// <summary>Answers whether the pod is still starting: then the first init container that is not through gives the state.</summary>
    private bool ReadInitContainers()
    {
        var index = 0;
        foreach (var container in _pod.List("status", "initContainerStatuses"))
        {
            var isSidecar = _sidecars.Contains(container.Text("name"));
            CountRestarts(container);
            if (isSidecar)
            {
                _sidecarRestarts += container.Number("restartCount");
                _lastSidecarRestart = Later(_lastSidecarRestart, container);
            }
            var terminated = container.At("state", "terminated");
            if (terminated is { } end && end.Number("exitCode") == 0)
            {
                index++;
                continue;
            }
            if (isSidecar && container.Flag("started"))
            {
                if (container.Flag("ready")) ReadyContainers++;
                index++;
                continue;
            }
            Reason = "Init:" + InitReason(container, terminated, index);
            return true;
        }
        return false;
    }

    private string InitReason(JsonElement container, JsonElement? terminated, int index)
    {
        if (terminated is { } end) return End(end);
        var waiting = container.Text("state", "waiting", "reason");
        return waiting is "" or "PodInitializing" ? $"{index}/{_pod.List("spec", "initContainers").Count()}" : waiting;
    }

    private void ReadContainers()
    {
        (Restarts, LastRestart) = (_sidecarRestarts, _lastSidecarRestart);
        var isRunning = false;
        // The first container has the last word.
        foreach (var container in _pod.List("status", "containerStatuses").Reverse())
        {
            CountRestarts(container);
            if (container.Text("state", "waiting", "reason") is { Length: > 0 } waiting) Reason = waiting;
            else if (container.At("state", "terminated") is { } end) Reason = End(end);
            else if (container.Flag("ready") && container.At("state", "running") is not null)
            {
                isRunning = true;
                ReadyContainers++;
            }
        }
        if (Reason == "Completed" && isRunning) Reason = HasCondition("Ready") ? "Running" : "NotReady";
    }

    private void ReadDeletion()
    {
        if (_pod.At("metadata", "deletionTimestamp") is null) return;
        if (_pod.Text("status", "reason") == "NodeLost") Reason = "Unknown";
        else if (_pod.Text("status", "phase") is not ("Succeeded" or "Failed")) Reason = "Terminating";
    }

    private static string End(JsonElement terminated)
    {
        var signal = terminated.Number("signal");
        return terminated.Text("reason").Or(signal != 0 ? $"Signal:{signal}" : $"ExitCode:{terminated.Number("exitCode")}");
    }

    private void CountRestarts(JsonElement container)
    {
        Restarts += container.Number("restartCount");
        LastRestart = Later(LastRestart, container);
    }

    private static DateTimeOffset? Later(DateTimeOffset? known, JsonElement container)
    {
        var ended = container.Time("lastState", "terminated", "finishedAt");
        return known is null || ended > known ? ended ?? known : known;
    }

    private bool HasCondition(string type) =>
        _pod.List("status", "conditions").Any(condition => condition.Text("type") == type && condition.Text("status") == "True");
}
