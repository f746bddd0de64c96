using System.Collections.Immutable;
using System.Net.Sockets;
using Fairlead.Linux.Files;
using Fairlead.Node.Network;
using Fairlead.Node.Runtime.Usage;

namespace Fairlead.Node.Runtime;

/// <summary>
/// Runs sandboxes and containers, in the shape of CRI's RuntimeService (kubernetes/cri-api, runtime/v1), so that a CRI
/// endpoint can stand in its place. Everything is keyed by pod UID and container id; reading costs no system call.
/// </summary>
internal interface IContainerRuntime
{
    /// <summary><c>runc</c>: the scheme of container ids in the API.</summary>
    string Name { get; }

    string Version { get; }

    /// <summary>The pods of which anything exists here.</summary>
    IReadOnlyCollection<string> PodUids { get; }

    /// <summary>Raised with the pod's UID when a container has ended.</summary>
    event Action<string>? Changed;

    PodRuntimeState Observe(string podUid);

    /// <summary>Reads what the pod's containers use now.</summary>
    /// <returns>Null: nothing of the pod runs here.</returns>
    PodUsage? ReadUsage(string podUid);

    /// <summary>Counts what the pod's containers have written over their images, by container id; those of which nothing is known are left out.</summary>
    Task<ImmutableDictionary<string, DiskUse>> ReadDiskUseAsync(string podUid, CancellationToken cancel);

    /// <summary>Makes the pod's namespaces and network. The address of an earlier sandbox of the same pod is kept.</summary>
    /// <exception cref="RuntimeException">It cannot be made; nothing half-made remains.</exception>
    Task<PodSandbox> RunSandboxAsync(SandboxConfig config, CancellationToken cancel);

    /// <summary>Takes the network and the namespaces away; containers and their logs stay to be read.</summary>
    Task StopSandboxAsync(string podUid, CancellationToken cancel);

    /// <summary>Removes all that is left of the pod: containers, mounts, cgroups, folders, logs.</summary>
    Task RemoveSandboxAsync(string podUid, CancellationToken cancel);

    /// <summary>Prepares a container and starts it. A container that fails to start is there afterwards, as ended with code 128.</summary>
    Task<ContainerState> RunContainerAsync(ContainerConfig config, CancellationToken cancel);

    /// <summary>Asks the container to end and kills it when the grace is over; completes when it has ended. Asked again, the shorter grace counts.</summary>
    Task StopContainerAsync(string podUid, string containerId, TimeSpan grace, CancellationToken cancel);

    /// <summary>Removes an ended container and its log.</summary>
    Task RemoveContainerAsync(string podUid, string containerId, CancellationToken cancel);

    /// <summary>The container's log was renamed: what it says from now on goes to a new file of the old name.</summary>
    Task ReopenLogAsync(string podUid, string containerId, CancellationToken cancel);

    /// <summary>Starts another process in a running container.</summary>
    /// <exception cref="RuntimeException">It cannot be started; the message says why.</exception>
    Task<IExecSession> ExecAsync(string podUid, string containerId, ExecConfig config, CancellationToken cancel);

    /// <summary>Joins the streams of a running container's own process, from now on. Ending the session leaves the container as it is.</summary>
    /// <param name="input">Also to write; a container that takes no input ignores it.</param>
    /// <exception cref="RuntimeException">It is not running, or out of reach.</exception>
    Task<IExecSession> AttachAsync(string podUid, string containerId, bool input, CancellationToken cancel);

    /// <summary>Connects to a TCP port of the pod's own loopback, 127.0.0.1 or else ::1.</summary>
    /// <exception cref="RuntimeException">Nobody listens there, or the sandbox is not running.</exception>
    Task<Socket> ConnectAsync(string podUid, int port, CancellationToken cancel);
}

/// <summary>What the runtime refused, in words for an event.</summary>
internal class RuntimeException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What exists of a pod.</summary>
internal sealed record PodRuntimeState(PodSandbox? Sandbox, ImmutableArray<ContainerState> Containers)
{
    public static readonly PodRuntimeState Nothing = new(null, []);

    /// <summary>The newest container of a name, or null.</summary>
    public ContainerState? Latest(string name) =>
        Containers.Where(container => container.Name == name).MaxBy(container => container.Attempt);

    /// <summary>The one before the newest.</summary>
    public ContainerState? Previous(string name) =>
        Containers.Where(container => container.Name == name).OrderByDescending(container => container.Attempt).Skip(1).FirstOrDefault();
}

/// <summary>A pod's namespaces; kept on disk to be found again.</summary>
/// <param name="Address">The pod's own address; null with the node's network.</param>
/// <param name="Ready">Namespaces and network are there.</param>
internal sealed record PodSandbox(
    string PodUid, string Namespace, string Name, string HostName, bool HostNetwork, string? Address, DateTimeOffset CreatedAt, bool Ready);

internal enum ContainerPhase
{
    Created,
    Running,
    Exited,
}

/// <summary>A container as it is now.</summary>
/// <param name="Attempt">0 for the first of its name in this pod; the API's restart count.</param>
internal sealed record ContainerState(string Id, string PodUid, string Name, bool Init, int Attempt, string Image, string ImageId, ContainerPhase Phase)
{
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }
    public int ExitCode { get; init; }
    public string? Reason { get; init; }
    public string? Message { get; init; }
    public string LogPath { get; init; } = "";
    public bool Stdin { get; init; }

    /// <summary>The first client's end of input is the container's.</summary>
    public bool StdinOnce { get; init; }
    public bool Tty { get; init; }
    public string? StopSignal { get; init; }

    /// <summary>The image's name in full; null: as the pod names it.</summary>
    public string? ImageReference { get; init; }
}

internal sealed record SandboxConfig
{
    public required string PodUid { get; init; }
    public required string Namespace { get; init; }
    public required string Name { get; init; }
    public required string HostName { get; init; }
    public bool HostNetwork { get; init; }

    /// <summary>Of the pod's RuntimeClass; empty: the node's own.</summary>
    public string RuntimeHandler { get; init; } = "";

    public bool HostPid { get; init; }
    public bool HostIpc { get; init; }

    /// <summary>The containers of the pod see one another's processes.</summary>
    public bool SharedProcesses { get; init; }

    /// <summary>One of its containers is.</summary>
    public bool Privileged { get; init; }
    public ImmutableSortedDictionary<string, string> Sysctls { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Ports of the node that lead to this pod.</summary>
    public IReadOnlyList<PortMapping> Ports { get; init; } = [];
}

/// <summary>Another process in a container: its command, streams and terminal size in characters.</summary>
internal sealed record ExecConfig(ImmutableArray<string> Command, bool Stdin, bool Tty)
{
    public ushort Columns { get; init; } = 80;
    public ushort Rows { get; init; } = 24;
}

/// <summary>
/// The streams of a process: one started by <see cref="IContainerRuntime.ExecAsync"/>, of which disposing leaves nothing behind, or a
/// container's own.
/// </summary>
internal interface IExecSession : IAsyncDisposable
{
    /// <summary>Null when no input was asked for.</summary>
    Stream? Input { get; }

    /// <summary>Output; with a terminal both streams.</summary>
    Stream Output { get; }

    /// <summary>Null with a terminal.</summary>
    Stream? Errors { get; }

    /// <summary>Ends the input; of a terminal there is no end.</summary>
    void CloseInput();

    void Resize(ushort columns, ushort rows);

    /// <summary>Ends the process and all that it started, at once; its streams then end.</summary>
    void Kill();

    /// <summary>Completes with the exit code; 128 + n after signal n.</summary>
    Task<int> WaitAsync(CancellationToken cancel);
}
