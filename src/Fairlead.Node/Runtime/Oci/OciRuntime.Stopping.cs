using System.Collections.Concurrent;
using Fairlead.Linux.Processes;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    /// <summary>How long a killed container may take to be gone: conmon still drains its output.</summary>
    private static readonly TimeSpan AfterKill = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, ContainerStop> _stops = new();

    public async Task StopContainerAsync(string podUid, string containerId, TimeSpan grace, CancellationToken cancel)
    {
        if (_pods.Find(podUid, containerId) is not { Phase: not ContainerPhase.Exited } container) return;
        var stop = _stops.GetOrAdd(containerId, _ => new ContainerStop(_time));
        stop.AllowAtMost(grace);
        if (!stop.TryBegin())
        {
            await stop.Ended.WaitAsync(cancel);
            return;
        }
        try
        {
            await StopAsync(container, stop, cancel);
        }
        finally
        {
            _stops.TryRemove(containerId, out _);
            stop.Complete();
        }
    }

    private async Task StopAsync(ContainerState container, ContainerStop stop, CancellationToken cancel)
    {
        var exited = ExitOf(container);
        var files = FilesOf(container.PodUid, container.Id);
        if (ContainerFiles.ReadProcessId(files.ProcessId) is { } pid && ProcessHandle.TryOpen(pid) is { } process)
        {
            using (process)
            {
                if (!stop.IsOver) process.TrySignal(SignalNumber(container.StopSignal));
                await Task.WhenAny(exited, stop.GraceOver).WaitAsync(cancel);
                // Its first process is the reaper of its pid namespace: with it the kernel kills them all. Where it shares a namespace, KillRest does.
                if (!exited.IsCompleted) process.TrySignal(Signal.Kill);
            }
        }
        await exited.WaitAsync(AfterKill, _time, cancel);
    }

    private Task ExitOf(ContainerState container)
    {
        var exited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(string uid)
        {
            if (uid != container.PodUid || _pods.Find(uid, container.Id) is { Phase: not ContainerPhase.Exited }) return;
            Changed -= Look;
            exited.TrySetResult();
        }
        Changed += Look;
        Look(container.PodUid);
        return exited.Task;
    }

    private static int SignalNumber(string? name) => name is null ? Signal.Terminate : Signal.TryParse(name) ?? Signal.Terminate;
}

/// <summary>One container's way to its end; its grace can only become shorter.</summary>
internal sealed class ContainerStop(TimeProvider time)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<ITimer> _timers = [];
    private int _begun;

    public Task Ended => _ended.Task;

    public Task GraceOver => _over.Task;

    public bool IsOver => _over.Task.IsCompleted;

    public void AllowAtMost(TimeSpan grace)
    {
        if (grace <= TimeSpan.Zero)
        {
            _over.TrySetResult();
            return;
        }
        lock (_timers) _timers.Add(time.CreateTimer(_ => _over.TrySetResult(), null, grace, Timeout.InfiniteTimeSpan));
    }

    public bool TryBegin() => Interlocked.Exchange(ref _begun, 1) == 0;

    public void Complete()
    {
        lock (_timers)
        {
            foreach (var timer in _timers) timer.Dispose();
        }
        _ended.TrySetResult();
    }
}
