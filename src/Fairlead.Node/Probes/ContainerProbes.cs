using Fairlead.Node.Metrics;
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
    private readonly ProbeMetrics _metrics;
    private readonly Action<ProbeKind, ProbeVerdict> _told;
    private readonly Action<DateTimeOffset> _changed;
    private readonly CancellationTokenSource _stop = new();

    /// <param name="wasReady">What the API says of this very container: it holds until a probe says otherwise.</param>
    /// <param name="told">Told of each failure and warning.</param>
    /// <param name="changed">Told when one of the results has turned, with the time of the verdict that turned it.</param>
    public ContainerProbes(ProbeTarget target, bool wasReady, ProbeAction action, TimeProvider time, ProbeMetrics metrics, Action<ProbeKind, ProbeVerdict> told, Action<DateTimeOffset> changed)
    {
        (_target, _action, _time, _metrics, _told, _changed) = (target, action, time, metrics, told, changed);
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
            var began = _time.GetTimestamp();
            var verdict = await _action.RunAsync(probe, _target, cancel);
            if (cancel.IsCancellationRequested) return;
            var at = _time.GetUtcNow();
            _metrics.Observe(_target, kind, verdict.Success, _time.GetElapsedTime(began));
            if (!verdict.Success || verdict.Message.Length > 0) _told(kind, verdict);
            tally = tally.Add(verdict.Success, probe.SuccessThreshold ?? 1, probe.FailureThreshold ?? 3);
            Take(kind, tally, probe.FailureThreshold ?? 3, at);
            if (isOver()) return;
            wait = TimeSpan.FromSeconds(probe.PeriodSeconds ?? 10);
        }
    }

    private void Take(ProbeKind kind, ProbeTally tally, int failureThreshold, DateTimeOffset at)
    {
        var before = (IsStarted, IsReady, IsAlive);
        var isDead = !tally.LastSuccess && tally.InARow >= failureThreshold;
        if (kind == ProbeKind.Startup) IsStarted = tally.Holds;
        if (kind == ProbeKind.Readiness) IsReady = tally.Holds;
        else if (isDead) (IsAlive, DeadBy) = (false, kind);
        if (before != (IsStarted, IsReady, IsAlive)) _changed(at);
    }
}
