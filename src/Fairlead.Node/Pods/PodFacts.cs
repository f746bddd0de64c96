using System.Collections.Immutable;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>Why a container could not be started, as its waiting state tells it.</summary>
/// <param name="RetryAt">When to try again.</param>
internal sealed record StartFailure(string Reason, string Message, DateTimeOffset RetryAt, int Count);

/// <summary>What the agent remembers of a pod between two looks at it.</summary>
internal sealed record PodMemory
{
    public static readonly PodMemory Empty = new();

    public ImmutableDictionary<string, RestartBackOff> BackOffs { get; init; } = ImmutableDictionary<string, RestartBackOff>.Empty;

    /// <summary>By container name.</summary>
    public ImmutableDictionary<string, StartFailure> Failures { get; init; } = ImmutableDictionary<string, StartFailure>.Empty;

    /// <summary>Of the sandbox or of a volume; nothing is started before its time.</summary>
    public StartFailure? PodFailure { get; init; }

    /// <summary>Names of running containers that their probe found not ready.</summary>
    public ImmutableHashSet<string> Unready { get; init; } = [];

    /// <summary>Names of running containers that their startup probe has not let through yet.</summary>
    public ImmutableHashSet<string> Unstarted { get; init; } = [];
}

/// <summary>All that a decision about a pod depends on.</summary>
/// <param name="Pod">As the API has it.</param>
internal sealed record PodFacts(V1Pod Pod, PodRuntimeState Runtime, PodMemory Memory, DateTimeOffset Now)
{
    public string Uid => Pod.Metadata.Uid;

    public bool IsTerminating => Pod.Metadata.DeletionTimestamp is not null;

    /// <summary>The API says that the pod has come to its end, which nothing takes back.</summary>
    public bool HasEnded => Pod.Status?.Phase is "Succeeded" or "Failed";

    public bool IsSandboxReady => Runtime.Sandbox is { Ready: true };

    public IEnumerable<ContainerState> Alive => Runtime.Containers.Where(container => container.Phase != ContainerPhase.Exited);

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
