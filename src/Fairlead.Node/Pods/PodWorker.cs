using Fairlead.Node.Api;
using Fairlead.Node.Runtime;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Pods;

/// <summary>
/// Brings what runs of one pod to what the API says, and the API's status to what runs. A pod is worked on by one call at a
/// time; a call does what can be done now and leaves the rest to the change, or the time, that it answers.
/// </summary>
internal sealed partial class PodWorker(
    IPodApi api, IContainerRuntime runtime, ContainerStarter starter, NodeContext node, TimeProvider time, ILogger log, Action<string, TimeSpan> again)
    : IDisposable
{
    private static readonly TimeSpan FirstMountDelay = TimeSpan.FromMilliseconds(500);
    private PodMemory _memory = PodMemory.Empty;

    /// <summary>The status that was last written, until the API shows it.</summary>
    private (string? Version, V1PodStatus Status)? _written;

    /// <summary>Ends what goes on for the pod in the agent; its containers run on.</summary>
    public void Dispose()
    {
        EndAllProbes();
        _deleted.Dispose();
    }

    /// <param name="uid">Of the pod.</param>
    /// <param name="pod">As the API has it; null: it is gone from there.</param>
    public async Task SyncAsync(string uid, V1Pod? pod, CancellationToken cancel)
    {
        if (pod is null)
        {
            await RemoveOrphanAsync(uid, cancel);
            return;
        }
        var plan = PodPlan.Decide(Look(pod));
        var finished = false;
        // Each round does something, and a start leads to nothing that is done at once more often than there are containers.
        for (var round = 0; plan.Actions.Length > 0 && round < 8; round++)
        {
            var waits = false;
            foreach (var action in plan.Actions)
            {
                if (action is PodAction.Finish) finished = true;
                else waits |= await ApplyAsync(pod, action, cancel);
            }
            if (waits || finished) break;
            plan = PodPlan.Decide(Look(pod));
        }
        await WriteStatusAsync(pod, cancel);
        if (finished) await FinishAsync(pod, cancel);
        else if (PodPlan.Decide(Look(pod)).Again is { } wait) again(uid, wait);
    }

    private PodFacts Look(V1Pod pod) => new(pod, runtime.Observe(pod.Metadata.Uid), _memory, time.GetUtcNow());

    /// <summary>True when nothing more is to be done before something changes.</summary>
    private async Task<bool> ApplyAsync(V1Pod pod, PodAction action, CancellationToken cancel)
    {
        switch (action)
        {
            case PodAction.CreateSandbox:
                return await CreateSandboxAsync(pod, cancel);
            case PodAction.StopSandbox:
                await runtime.StopSandboxAsync(pod.Metadata.Uid, cancel);
                return false;
            case PodAction.Start start:
                await StartAsync(pod, start, cancel);
                return false;
            case PodAction.Stop stop:
                Stop(pod, stop);
                return true;
            case PodAction.Remove remove:
                await runtime.RemoveContainerAsync(pod.Metadata.Uid, remove.Container.Id, cancel);
                return false;
            default:
                throw new InvalidOperationException($"{action} is none that a pod worker knows");
        }
    }

    private async Task<bool> CreateSandboxAsync(V1Pod pod, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        try
        {
            await runtime.RunSandboxAsync(new SandboxConfig
            {
                PodUid = pod.Metadata.Uid,
                Namespace = pod.Metadata.NamespaceProperty,
                Name = pod.Metadata.Name,
                HostName = Environment.PodHostName.Of(pod, node.ClusterDomain).Name,
                HostNetwork = pod.Spec.HostNetwork == true,
            }, cancel);
            _memory = _memory with { PodFailure = null };
            PodLog.SandboxMade(log, pod.Metadata.NamespaceProperty, pod.Metadata.Name, time.GetElapsedTime(began).TotalMilliseconds);
            return false;
        }
        catch (RuntimeException e)
        {
            var message = $"Failed to create pod sandbox: {e.Message}";
            api.Warning(pod, null, "FailedCreatePodSandBox", message);
            _memory = _memory with { PodFailure = Next(_memory.PodFailure, "FailedCreatePodSandBox", message, TimeSpan.FromSeconds(1)) };
            return true;
        }
    }

    private async Task StartAsync(V1Pod pod, PodAction.Start start, CancellationToken cancel)
    {
        var name = start.Container.Name;
        if (runtime.Observe(pod.Metadata.Uid).Sandbox is not { } sandbox) return;
        // A volume that was not there for one container is not there for the next.
        if (_memory.PodFailure is { } missing && missing.RetryAt > time.GetUtcNow()) return;
        var before = runtime.Observe(pod.Metadata.Uid).Latest(name);
        var began = time.GetTimestamp();
        var refusal = await starter.StartAsync(pod, sandbox, start, cancel);
        if (refusal is not null)
        {
            Remember(pod, start.Container, refusal);
            return;
        }
        _memory = _memory with { PodFailure = null };
        PodLog.Started(log, pod.Metadata.NamespaceProperty, pod.Metadata.Name, name, start.Attempt, time.GetElapsedTime(began).TotalMilliseconds);
        _memory = _memory with { Failures = _memory.Failures.Remove(name) };
        if (before is { FinishedAt: { } finished })
        {
            var entry = RestartBackOff.Next(_memory.BackOffs.GetValueOrDefault(name), finished, time.GetUtcNow());
            _memory = _memory with { BackOffs = _memory.BackOffs.SetItem(name, entry) };
        }
        await RunPostStartAsync(pod, start.Container, cancel);
    }

    private void Remember(V1Pod pod, V1Container container, Refusal refusal)
    {
        if (refusal.Reason == Refusal.FailedMount)
        {
            // The containers go on waiting in ContainerCreating; the event tells why.
            var missing = Next(_memory.PodFailure, refusal.Reason, refusal.Message, FirstMountDelay);
            _memory = _memory with { PodFailure = missing };
            // Nothing else may ever call for this pod again: what it waits for is no object that this node watches.
            again(pod.Metadata.Uid, missing.RetryAt - time.GetUtcNow());
            return;
        }
        var old = _memory.Failures.GetValueOrDefault(container.Name);
        var failure = Next(old, refusal.Reason, refusal.Message, RestartBackOff.First);
        if (refusal.Reason == "ErrImagePull" && old is not null)
        {
            // The image was asked for again and still is not there: between two tries it is said to be backed off.
            var message = $"Back-off pulling image \"{container.Image}\": ErrImagePull: {refusal.Message}";
            api.Normal(pod, container, "BackOff", $"Back-off pulling image \"{container.Image}\"");
            api.Warning(pod, container, "Failed", "Error: ImagePullBackOff");
            failure = failure with { Reason = "ImagePullBackOff", Message = message };
        }
        _memory = _memory with { Failures = _memory.Failures.SetItem(container.Name, failure) };
    }

    private StartFailure Next(StartFailure? old, string reason, string message, TimeSpan first)
    {
        var count = (old?.Count ?? 0) + 1;
        var delay = first * Math.Pow(2, Math.Min(count - 1, 10));
        return new(reason, message, time.GetUtcNow() + (delay < RestartBackOff.Longest ? delay : RestartBackOff.Longest), count);
    }
}
