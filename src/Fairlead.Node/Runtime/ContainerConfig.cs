using System.Collections.Immutable;

namespace Fairlead.Node.Runtime;

/// <summary>All that a container is made from, with nothing of Kubernetes left to resolve.</summary>
internal sealed record ContainerConfig
{
    public required PodSandbox Sandbox { get; init; }
    public required string Name { get; init; }
    public bool Init { get; init; }
    public int Attempt { get; init; }

    /// <summary>The image as the pod names it.</summary>
    public required string ImageName { get; init; }
    public required Image Image { get; init; }

    /// <summary>The program and its arguments; empty: the image's own, which a runtime with images of its own knows better.</summary>
    public ImmutableArray<string> Command { get; init; } = [];

    /// <summary>In place of the image's arguments, where <see cref="Command"/> is empty; else after it.</summary>
    public ImmutableArray<string> ExtraArguments { get; init; } = [];

    /// <summary>All of it, with what the image says where the pod says nothing.</summary>
    public IEnumerable<string> Arguments => Command.IsEmpty
        ? Image.Entrypoint.Concat(ExtraArguments.IsEmpty ? Image.Command : ExtraArguments)
        : Command.Concat(ExtraArguments);
    public ImmutableArray<KeyValuePair<string, string>> Variables { get; init; } = [];
    public string WorkingDirectory { get; init; } = "/";
    public ImmutableArray<ContainerMount> Mounts { get; init; } = [];
    public ContainerSecurity Security { get; init; } = new();
    public ContainerResources Resources { get; init; } = new();
    public ImmutableSortedDictionary<string, string> Sysctls { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
    public bool HostPid { get; init; }

    /// <summary>The containers of the pod see one another's processes.</summary>
    public bool SharedProcesses { get; init; }

    /// <summary>Id of the container whose processes it sees as its own; null: none.</summary>
    public string? JoinedContainer { get; init; }
    public bool HostIpc { get; init; }
    public bool Stdin { get; init; }
    public bool StdinOnce { get; init; }
    public bool Tty { get; init; }

    /// <summary>Where in the container it may leave its last words.</summary>
    public string TerminationMessagePath { get; init; } = "/dev/termination-log";

    /// <summary>Takes the log's end for the last words of a container that failed without any.</summary>
    public bool MessageFromLog { get; init; }
}

/// <param name="Source">File or folder on the node.</param>
/// <param name="Propagation"><c>rprivate</c>, <c>rslave</c> or <c>rshared</c>.</param>
internal sealed record ContainerMount(string Source, string Target, bool ReadOnly, string Propagation = "rprivate");

internal sealed record ContainerSecurity
{
    /// <summary>As whom it runs: <c>user</c> or <c>user:group</c>, names or numbers, looked up in the container's own files.</summary>
    public string User { get; init; } = "";

    /// <summary>Its group, whatever the user's is.</summary>
    public uint? Group { get; init; }
    public ImmutableArray<uint> Groups { get; init; } = [];

    /// <summary>Only the groups that the pod names, not those that the image's files put the user in.</summary>
    public bool StrictGroups { get; init; }
    public bool Privileged { get; init; }
    public bool NoNewPrivileges { get; init; }
    public bool ReadOnlyRoot { get; init; }
    public ImmutableArray<string> AddedCapabilities { get; init; } = [];
    public ImmutableArray<string> DroppedCapabilities { get; init; } = [];
    public bool UnmaskedProc { get; init; }

    /// <summary>System calls are filtered by the runtime's own profile.</summary>
    public bool SeccompDefault { get; init; }

    /// <summary>JSON of another profile, in the form of the OCI runtime specification.</summary>
    public string? SeccompProfile { get; init; }
}

/// <summary>Limits as the kernel takes them; null: none.</summary>
internal sealed record ContainerResources
{
    public ulong CpuShares { get; init; } = 2;

    /// <summary>Microseconds of processor time in each 100 ms.</summary>
    public long? CpuQuota { get; init; }

    /// <summary>Bytes.</summary>
    public long? Memory { get; init; }
    public int OomScoreAdjustment { get; init; } = 1000;
}
