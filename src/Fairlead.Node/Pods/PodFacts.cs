using System.Collections.Immutable;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>Why a container could not be started, as its waiting state tells it.</summary>
/// <param name="RetryAt">When to try again.</param>
/// <param name="Since">When it failed.</param>
internal sealed record StartFailure(string Reason, string Message, DateTimeOffset RetryAt, int Count, DateTimeOffset Since)
{
    /// <summary>How long a failed pull is told as such, before the pod is said to be backed off: kubelet's next look at it.</summary>
    public static readonly TimeSpan ToldAsFailed = TimeSpan.FromSeconds(1);

    public bool IsPullBackOff(DateTimeOffset now) => Reason == PodImages.ErrImagePull && now - Since >= ToldAsFailed;

    /// <summary>When there is something to tell or to do again.</summary>
    public DateTimeOffset NextLook(DateTimeOffset now) => Reason == PodImages.ErrImagePull && !IsPullBackOff(now) ? Since + ToldAsFailed : RetryAt;
}

/// <summary>Why a pod as a whole has failed, whatever its containers do; status.reason and status.message.</summary>
internal sealed record PodVerdict(string Reason, string Message);

/// <summary>What the agent remembers of a pod between two looks at it.</summary>
internal sealed record PodMemory
{
    public static readonly PodMemory Empty = new();

    public ImmutableDictionary<string, RestartBackOff> BackOffs { get; init; } = ImmutableDictionary<string, RestartBackOff>.Empty;

    /// <summary>By container name.</summary>
    public ImmutableDictionary<string, StartFailure> Failures { get; init; } = ImmutableDictionary<string, StartFailure>.Empty;

    /// <summary>Names of containers whose image is being pulled.</summary>
    public ImmutableHashSet<string> Pulling { get; init; } = [];

    /// <summary>The node does not take the pod; null: it does, or has not been asked.</summary>
    public PodVerdict? Rejection { get; init; }

    /// <summary>The pod must go; null: it may stay.</summary>
    public PodEviction? Eviction { get; init; }

    /// <summary>Of the sandbox or of a volume; nothing is started before its time.</summary>
    public StartFailure? PodFailure { get; init; }

    /// <summary>Names of running containers that their probe found not ready.</summary>
    public ImmutableHashSet<string> Unready { get; init; } = [];

    /// <summary>Names of running, probed containers that no startup probe holds back.</summary>
    public ImmutableHashSet<string> Started { get; init; } = [];

    /// <summary>When the earliest verdict of a probe came that the API has not been told of; null: there is none.</summary>
    public DateTimeOffset? VerdictAt { get; init; }
}

/// <summary>All that a decision about a pod depends on.</summary>
/// <param name="Pod">As the API has it.</param>
internal sealed record PodFacts(V1Pod Pod, PodRuntimeState Runtime, PodMemory Memory, DateTimeOffset Now)
{
    private static readonly PodVerdict Overdue = new("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");

    public string Uid => Pod.Metadata.Uid;

    public bool IsTerminating => Pod.Metadata.DeletionTimestamp is not null;

    /// <summary>The API says that the pod has come to its end, which nothing takes back.</summary>
    public bool HasEnded => Pod.Status?.Phase is "Succeeded" or "Failed" && !BeginsAnew;

    /// <summary>A static pod that ended with the machine is here again with it: nobody else would make another in its place.</summary>
    public bool BeginsAnew => Memory.Eviction is null && Pod.Status is { Phase: "Failed", Reason: PodEviction.ShutdownReason } && Static.StaticPodFile.IsStatic(Pod);

    /// <summary>What is left of spec.activeDeadlineSeconds, which count from the pod's start; null: it has no deadline, or no start yet.</summary>
    public TimeSpan? UntilDeadline => Pod.Spec.ActiveDeadlineSeconds is { } seconds && Pod.Status?.StartTime is { } start
        ? new DateTimeOffset(start).AddSeconds(seconds) - Now
        : null;

    /// <summary>What ends the pod before its containers do; null: nothing.</summary>
    public PodVerdict? Verdict => Memory.Rejection ?? Memory.Eviction?.Verdict ?? (UntilDeadline <= TimeSpan.Zero ? Overdue : null);

    public bool IsSandboxReady => Runtime.Sandbox is { Ready: true };

    /// <summary>Of a sandbox before the one that is there, which was lost, as with the machine's restart.</summary>
    public bool IsOfBefore(ContainerState container) => Runtime.Sandbox is { Ready: true } sandbox && container.CreatedAt < sandbox.CreatedAt;

    public IEnumerable<ContainerState> Alive => Runtime.Containers.Where(container => container.Phase != ContainerPhase.Exited);

    /// <summary>Whether its startup probe, if it has one, has let the running container through.</summary>
    public bool HasStarted(V1Container container) => container.StartupProbe is null || Memory.Started.Contains(container.Name);

    public static bool IsSidecar(V1Container container) => container.RestartPolicy == "Always";

    /// <summary>Whether a container that ended with this code is started again.</summary>
    public bool Restarts(V1Container container, bool init, int exitCode) => Policy(container, init) switch
    {
        "Never" => false,
        "OnFailure" => exitCode != 0,
        _ => true,
    };

    /// <summary>Of an init container, Always means OnFailure: one that succeeded has done its work.</summary>
    private string Policy(V1Container container, bool init)
    {
        if (container.RestartPolicy is { Length: > 0 } own) return own;
        var policy = Pod.Spec.RestartPolicy ?? "Always";
        return init && policy == "Always" ? "OnFailure" : policy;
    }
}
