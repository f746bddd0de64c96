using System.Net;
using Fairlead.Linux.Namespaces;
using Fairlead.LoadBalancer.Bgp;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>Settings of a node's announcer.</summary>
public sealed record AnnouncerOptions
{
    /// <summary>Value of spec.loadBalancerClass that asks for this implementation; without a class it serves too.</summary>
    public const string OwnClass = "fairlead.io/load-balancer";

    /// <summary>This node's name, as endpoints name it.</summary>
    public required string NodeName { get; init; }

    /// <summary>Its address; neighbours of the link that has it are told.</summary>
    public required IPAddress NodeAddress { get; init; }

    /// <summary>Namespace of the Leases.</summary>
    public string LeaseNamespace { get; init; } = "kube-system";

    /// <summary>Serve services of this loadBalancerClass alone; null: those of fairlead.io/load-balancer and those without.</summary>
    public string? OnlyClass { get; init; }

    /// <summary>Routers to tell of the addresses; null: none.</summary>
    public BgpOptions? Bgp { get; init; }

    /// <summary>With <see cref="Bgp"/>: answer ARP too, as without it.</summary>
    public bool KeepsLayer2 { get; init; }

    /// <summary>One node answers ARP for each address.</summary>
    public bool AnnouncesInLayer2 => Bgp is null || KeepsLayer2;

    /// <summary>Path of the network namespace to work in; null: this process's own.</summary>
    public string? NetworkNamespacePath { get; init; }

    internal NetworkNamespace OpenNetwork() => NetworkNamespacePath is { } path ? NetworkNamespace.Open(path) : NetworkNamespace.OpenCurrent();
}
