using System.Collections.Concurrent;
using Fairlead.Node.Probes;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Oci;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>What a pod asks to be done after a container's start and before its stop (Kubernetes documentation: "Container Lifecycle Hooks").</summary>
internal sealed partial class PodWorker
{
    /// <summary>What a container gets after a hook that took all the grace.</summary>
    private static readonly TimeSpan LeastGrace = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, ContainerStop> _preStops = new();
    private readonly CancellationTokenSource _deleted = new();

    /// <summary>The pod is being deleted: a hook after a start no longer holds up what is to be done, and no image is waited for.</summary>
    public void InterruptHooks()
    {
        _deleted.Cancel();
        _images.Cancel();
    }

    /// <summary>Containers are started one after the other, and the hook belongs to the start: the next one waits.</summary>
    private async Task RunPostStartAsync(V1Pod pod, V1Container container, CancellationToken cancel)
    {
        if (container.Lifecycle?.PostStart is not { } hook) return;
        if (runtime.Observe(pod.Metadata.Uid).Latest(container.Name) is not { Phase: ContainerPhase.Running } running) return;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _deleted.Token);
        var failure = await RunHookAsync(pod, container, running, hook, either.Token);
        if (failure is null || either.IsCancellationRequested) return;
        PodLog.HookFailed(log, pod.Metadata.NamespaceProperty, pod.Metadata.Name, container.Name, "postStart", failure);
        api.Warning(pod, container, "FailedPostStartHook", "PostStartHook failed");
        Stop(pod, new PodAction.Stop(running, PodPlan.Grace(pod), "FailedPostStartHook"));
    }

    /// <summary>The hook's time is the grace's; the container gets what is left, but always enough for a signal to be heard.</summary>
    private async Task StopAfterHookAsync(V1Pod pod, V1Container container, PodAction.Stop stop, V1LifecycleHandler hook)
    {
        var limit = _preStops.GetOrAdd(stop.Container.Id, _ => new ContainerStop(time));
        limit.AllowAtMost(stop.Grace);
        var began = time.GetTimestamp();
        using var over = new CancellationTokenSource();
        var running = RunHookAsync(pod, container, stop.Container, hook, over.Token);
        var inTime = await Task.WhenAny(running, limit.GraceOver) == running;
        await over.CancelAsync();
        var failure = await running;
        if (!inTime || failure is not null)
        {
            PodLog.HookFailed(log, pod.Metadata.NamespaceProperty, pod.Metadata.Name, container.Name, "preStop", failure ?? "it took longer than the grace period");
            api.Warning(pod, container, "FailedPreStopHook", "PreStopHook failed");
        }
        _preStops.TryRemove(stop.Container.Id, out _);
        limit.Complete();
        var left = inTime ? stop.Grace - time.GetElapsedTime(began) : TimeSpan.Zero;
        await StopAsync(stop.Container, left > LeastGrace ? left : LeastGrace);
    }

    /// <summary>Null when it succeeded, or why not.</summary>
    private async Task<string?> RunHookAsync(V1Pod pod, V1Container container, ContainerState running, V1LifecycleHandler hook, CancellationToken cancel)
    {
        if (hook.Sleep is { } sleep)
        {
            await Task.Delay(TimeSpan.FromSeconds(sleep.Seconds), time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return cancel.IsCancellationRequested ? "interrupted" : null;
        }
        if (hook is { Exec: null, HttpGet: null }) return null;
        var target = new ProbeTarget(pod, container, running.Id, runtime.Observe(pod.Metadata.Uid).Sandbox?.Address ?? node.Address.ToString());
        try
        {
            // A hook has no time limit of its own: a day is beyond every grace.
            var probe = new V1Probe { Exec = hook.Exec, HttpGet = hook.HttpGet, TimeoutSeconds = 24 * 60 * 60 };
            var verdict = await new ProbeAction(runtime, time).RunAsync(probe, target, cancel);
            return verdict.Success ? null : verdict.Message;
        }
        catch (OperationCanceledException)
        {
            return "interrupted";
        }
    }
}
