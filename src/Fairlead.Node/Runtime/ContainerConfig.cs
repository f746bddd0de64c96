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
    public ImmutableArray<string> Arguments { get; init; } = [];
    public ImmutableArray<KeyValuePair<string, string>> Variables { get; init; } = [];
    public string WorkingDirectory { get; init; } = "/";
    public ImmutableArray<ContainerMount> Mounts { get; init; } = [];
    public ContainerSecurity Security { get; init; } = new();
    public ContainerResources Resources { get; init; } = new();
    public ImmutableSortedDictionary<string, string> Sysctls { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
    public bool HostPid { get; init; }
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
    public uint User { get; init; }
    public uint Group { get; init; }
    public ImmutableArray<uint> Groups { get; init; } = [];
    public bool Privileged { get; init; }
    public bool NoNewPrivileges { get; init; }
    public bool ReadOnlyRoot { get; init; }
    public ImmutableArray<string> AddedCapabilities { get; init; } = [];
    public ImmutableArray<string> DroppedCapabilities { get; init; } = [];
    public bool UnmaskedProc { get; init; }
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
