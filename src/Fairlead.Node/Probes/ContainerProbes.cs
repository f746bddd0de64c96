using k8s.Models;

namespace Fairlead.Node.Probes;

/// <summary>
/// The probes of one running container, each in a loop of its own; liveness and readiness begin when the startup probe, if
/// there is one, has passed. Disposing it ends them.
/// </summary>
internal sealed class ContainerProbes : IDisposable
{
    private readonly ProbeTarget _target;
    private readonly ProbeAction _action;
    private readonly TimeProvider _time;
    private readonly Action<ProbeKind, string> _failed;
    private readonly Action _changed;
    private readonly CancellationTokenSource _stop = new();

    /// <param name="wasReady">What the API says of this very container: it holds until a probe says otherwise.</param>
    /// <param name="failed">Told of each failure, with its message.</param>
    /// <param name="changed">Told when one of the results has turned.</param>
    public ContainerProbes(ProbeTarget target, bool wasReady, ProbeAction action, TimeProvider time, Action<ProbeKind, string> failed, Action changed)
    {
        (_target, _action, _time, _failed, _changed) = (target, action, time, failed, changed);
        IsStarted = target.Container.StartupProbe is null || wasReady;
        IsReady = target.Container.ReadinessProbe is null || wasReady;
        _ = RunAsync();
    }

    public bool IsStarted { get; private set; }

    public bool IsReady { get; private set; }

    /// <summary>Turns false when the container is to be ended and started anew.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>Which probe said so.</summary>
    public ProbeKind DeadBy { get; private set; }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var container = _target.Container;
        var cancel = _stop.Token;
        if (!IsStarted) await LoopAsync(ProbeKind.Startup, container.StartupProbe, false, () => IsStarted || !IsAlive, cancel);
        if (!IsAlive) return;
        await Task.WhenAll(
            LoopAsync(ProbeKind.Liveness, container.LivenessProbe, true, () => !IsAlive, cancel),
            LoopAsync(ProbeKind.Readiness, container.ReadinessProbe, IsReady, () => false, cancel));
    }

    private async Task LoopAsync(ProbeKind kind, V1Probe? probe, bool holds, Func<bool> isOver, CancellationToken cancel)
    {
        if (probe is null) return;
        var tally = new ProbeTally(holds);
        var wait = TimeSpan.FromSeconds(probe.InitialDelaySeconds ?? 0);
        while (true)
        {
            await Task.Delay(wait, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancel.IsCancellationRequested) return;
            var verdict = await _action.RunAsync(probe, _target, cancel);
            if (cancel.IsCancellationRequested) return;
            if (!verdict.Success) _failed(kind, verdict.Message);
            tally = tally.Add(verdict.Success, probe.SuccessThreshold ?? 1, probe.FailureThreshold ?? 3);
            Take(kind, tally, probe.FailureThreshold ?? 3);
            if (isOver()) return;
            wait = TimeSpan.FromSeconds(probe.PeriodSeconds ?? 10);
        }
    }

    private void Take(ProbeKind kind, ProbeTally tally, int failureThreshold)
    {
        var before = (IsStarted, IsReady, IsAlive);
        var isDead = !tally.LastSuccess && tally.InARow >= failureThreshold;
        if (kind == ProbeKind.Startup) IsStarted = tally.Holds;
        if (kind == ProbeKind.Readiness) IsReady = tally.Holds;
        else if (isDead) (IsAlive, DeadBy) = (false, kind);
        if (before != (IsStarted, IsReady, IsAlive)) _changed();
    }
}
