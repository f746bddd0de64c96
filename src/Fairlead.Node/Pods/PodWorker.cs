using Fairlead.Node.Api;
using Fairlead.Node.Metrics;
using Fairlead.Node.Runtime;
using Fairlead.Node.Volumes;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Pods;

/// <summary>
/// Brings what runs of one pod to what the API says, and the API's status to what runs. A pod is worked on by one call at a
/// time; a call does what can be done now and leaves the rest to the change, or the time, that it answers.
/// </summary>
internal sealed partial class PodWorker(
    IPodApi api, IContainerRuntime runtime, PodAdmission admission, ContainerStarter starter, ObjectWatches watches, NodeContext node, AgentMetrics metrics, TimeProvider time, ILogger log, Action<string, TimeSpan> again)
    : IDisposable
{
    private static readonly TimeSpan NetworkPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstMountDelay = TimeSpan.FromMilliseconds(500);
    private readonly PodImages _images = new(api, starter.Images, time, again);
    private readonly DateTimeOffset _born = time.GetUtcNow();
    private PodMemory _memory = PodMemory.Empty;
    private volatile bool _imagesChanged;
    private volatile PodEviction? _eviction;

    /// <summary>The status that was last written, until the API shows it.</summary>
    private (string? Version, V1PodStatus Status)? _written;

    /// <summary>Ends what goes on for the pod in the agent; its containers run on.</summary>
    public void Dispose()
    {
        EndAllProbes();
        _deleted.Dispose();
        _images.Dispose();
    }

    /// <param name="uid">Of the pod.</param>
    /// <param name="pod">As the API has it; null: it is gone from there.</param>
    public async Task SyncAsync(string uid, V1Pod? pod, CancellationToken cancel)
    {
        NoticeChange();
        _isOld ??= runtime.Observe(uid).Sandbox is not null;
        if (pod is null)
        {
            await RemoveOrphanAsync(uid, cancel);
            return;
        }
        if (_imagesChanged) TakeNewImages(pod);
        if (pod.Metadata.DeletionTimestamp is null) await RefreshVolumesAsync(pod, cancel);
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
        else if (PodPlan.Decide(Look(pod)).NextLook is { } wait) again(uid, wait);
    }

    /// <summary>There are other images on the node: a container that waits for one need not wait out its back-off. The caller brings the pod back.</summary>
    /// <returns>Whether any container waits.</returns>
    public bool NoticeImages()
    {
        _imagesChanged = true;
        return _memory.Failures.Count > 0;
    }

    /// <summary>The pod ends, for a critical one needs its room. The caller brings it back.</summary>
    public void Preempt(V1Pod pod)
    {
        Evict(PodEviction.Preempted);
        api.Warning(pod, null, PodEviction.Preempted.Verdict.Reason, PodEviction.Preempted.Verdict.Message);
    }

    /// <summary>The pod ends, and nothing holds that up. The caller brings it back.</summary>
    public void Evict(PodEviction eviction)
    {
        _eviction = eviction;
        InterruptHooks();
    }

    public bool IsEvicted => _eviction is not null;

    private void TakeNewImages(V1Pod pod)
    {
        _imagesChanged = false;
        foreach (var container in EphemeralContainers.All(pod))
        {
            var failure = _memory.Failures.GetValueOrDefault(container.Name);
            if (failure?.Reason is PodImages.ErrImagePull or PodImages.ErrImageNeverPull && _images.IsHere(container))
                _memory = _memory with { Failures = _memory.Failures.Remove(container.Name) };
        }
    }

    private PodFacts Look(V1Pod pod) => new(pod, runtime.Observe(pod.Metadata.Uid), _memory with { Pulling = _images.Pulling, Eviction = _eviction }, time.GetUtcNow());

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
        if (pod.Spec.HostNetwork != true && !node.HasNetwork()) return WaitForNetwork(pod);
        var answer = admission.Ask(pod);
        // The end of those that make room brings the pod back.
        if (answer.Waits) return true;
        if (answer.Rejection is { } rejection)
        {
            _memory = _memory with { Rejection = rejection with { Message = $"Pod was rejected: {rejection.Message}" } };
            api.Warning(pod, null, rejection.Reason, rejection.Message);
            metrics.Rejected(rejection.Reason);
            return false;
        }
        var began = time.GetTimestamp();
        var name = Environment.PodHostName.Of(pod, node.ClusterDomain);
        try
        {
            if (name.Failure is { } tooLong) throw new RuntimeException(tooLong);
            await runtime.RunSandboxAsync(new SandboxConfig
            {
                PodUid = pod.Metadata.Uid,
                Namespace = pod.Metadata.NamespaceProperty,
                Name = pod.Metadata.Name,
                HostName = pod.Spec.HostNetwork == true ? node.HostName : name.Kernel,
                HostNetwork = pod.Spec.HostNetwork == true,
                HostPid = pod.Spec.HostPID == true,
                HostIpc = pod.Spec.HostIPC == true,
                SharedProcesses = pod.Spec.ShareProcessNamespace == true,
                Privileged = EphemeralContainers.All(pod).Any(container => container.SecurityContext?.Privileged == true),
                Sysctls = SecurityRules.Sysctls(pod),
                Ports = HostPortRules.Of(pod.Spec),
                RuntimeHandler = await HandlerOfAsync(pod, cancel),
            }, cancel);
            _memory = _memory with { PodFailure = null };
            metrics.PodStarted();
            PodLog.SandboxMade(log, pod.Metadata.NamespaceProperty, pod.Metadata.Name, time.GetElapsedTime(began).TotalMilliseconds);
            return false;
        }
        catch (RuntimeException e)
        {
            var message = $"Failed to create pod sandbox: {e.Message}";
            metrics.PodNotStarted();
            api.Warning(pod, null, "FailedCreatePodSandBox", message);
            _memory = _memory with { PodFailure = Next(_memory.PodFailure, "FailedCreatePodSandBox", message, TimeSpan.FromSeconds(1)) };
            return true;
        }
    }

    /// <summary>kubelet's words, each time that it is in vain; the node has asked for its range of addresses.</summary>
    private bool WaitForNetwork(V1Pod pod)
    {
        api.Warning(pod, null, "NetworkNotReady", "network is not ready: the node has no pod CIDR yet");
        again(pod.Metadata.Uid, NetworkPatience);
        return true;
    }

    private async Task<string> HandlerOfAsync(V1Pod pod, CancellationToken cancel)
    {
        if (pod.Spec.RuntimeClassName is not { Length: > 0 } name) return "";
        return (await api.FindRuntimeClassAsync(name, cancel) ?? throw new RuntimeException($"RuntimeClass \"{name}\" not found")).Handler;
    }

    private async Task StartAsync(V1Pod pod, PodAction.Start start, CancellationToken cancel)
    {
        var name = start.Container.Name;
        if (runtime.Observe(pod.Metadata.Uid).Sandbox is not { } sandbox) return;
        // A volume that was not there for one container is not there for the next.
        if (_memory.PodFailure is { } missing && missing.RetryAt > time.GetUtcNow()) return;
        var before = runtime.Observe(pod.Metadata.Uid).Latest(name);
        var began = time.GetTimestamp();
        var (image, refusal) = await _images.TakeAsync(pod, start.Container);
        if (image is null && refusal is null) return;
        refusal ??= await starter.StartAsync(pod, sandbox, start, image!, cancel);
        if (refusal is not null)
        {
            Remember(start.Container, refusal);
            return;
        }
        _memory = _memory with { PodFailure = null };
        metrics.ContainerStarted(start.Init ? "init_container" : EphemeralContainers.Of(pod).Any(one => one.Name == name) ? "ephemeral_container" : "container");
        PodLog.Started(log, pod.Metadata.NamespaceProperty, pod.Metadata.Name, name, start.Attempt, time.GetElapsedTime(began).TotalMilliseconds);
        _memory = _memory with { Failures = _memory.Failures.Remove(name) };
        if (before is { FinishedAt: { } finished })
        {
            var entry = RestartBackOff.Next(_memory.BackOffs.GetValueOrDefault(name), finished, time.GetUtcNow());
            _memory = _memory with { BackOffs = _memory.BackOffs.SetItem(name, entry) };
        }
        await RunPostStartAsync(pod, start.Container, cancel);
    }

    private void Remember(V1Container container, Refusal refusal)
    {
        if (refusal.Reason == Refusal.FailedMount)
        {
            // The containers go on waiting in ContainerCreating; the event tells why.
            _memory = _memory with { PodFailure = Next(_memory.PodFailure, refusal.Reason, refusal.Message, FirstMountDelay) };
            return;
        }
        var old = _memory.Failures.GetValueOrDefault(container.Name);
        var failure = Next(old, refusal.Reason, refusal.Message, RestartBackOff.First);
        _memory = _memory with { Failures = _memory.Failures.SetItem(container.Name, failure) };
    }

    private StartFailure Next(StartFailure? old, string reason, string message, TimeSpan first)
    {
        var count = (old?.Count ?? 0) + 1;
        var delay = first * Math.Pow(2, Math.Min(count - 1, 10));
        var now = time.GetUtcNow();
        return new(reason, message, now + (delay < RestartBackOff.Longest ? delay : RestartBackOff.Longest), count, now);
    }
}
