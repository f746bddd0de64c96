using System.Collections.Immutable;

namespace Fairlead.Node.Runtime.Usage;

/// <summary>What a pod uses; in CRI's shape PodSandboxStats.</summary>
/// <param name="At">When it was read.</param>
/// <param name="Group">Path of the pod's cgroup.</param>
/// <param name="Interfaces">Of the pod's own network; empty with the node's.</param>
internal sealed record PodUsage(DateTimeOffset At, string Group, GroupUsage Total, ImmutableArray<ContainerUsage> Containers, IReadOnlyList<InterfaceUsage> Interfaces);

/// <summary>What a running container uses.</summary>
internal sealed record ContainerUsage(ContainerState Container, string Group, GroupUsage Usage);
