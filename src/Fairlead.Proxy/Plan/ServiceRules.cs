using Fairlead.Kube;
using System.Net;

namespace Fairlead.Proxy.Plan;

/// <summary>Where a connection may be sent.</summary>
internal readonly record struct Target(IPAddress Address, ushort Port, bool IsLocal);

/// <summary>By what a service's port is reached.</summary>
internal enum Reach
{
    ClusterAddress,
    /// <summary>Any address of this node.</summary>
    NodePort,
    /// <summary>A load balancer's address, or one of spec.externalIPs.</summary>
    ExternalAddress,
}

/// <summary>One way to one port of a service, and the targets among which it chooses; none means that it rejects.</summary>
/// <param name="Address">The address that it is reached by; address zero for a node port.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Port">On that address.</param>
/// <param name="AffinitySeconds">0: every connection chooses anew.</param>
/// <param name="Targets">Sorted, each once.</param>
internal sealed record PortRules(Reach Reach, IPAddress Address, byte Protocol, ushort Port, uint AffinitySeconds, EquatableArray<Target> Targets)
{
    /// <summary>
    /// With externalTrafficPolicy Local, what clients from outside choose among, without masquerade; none: they are dropped,
    /// so that they hang. Null: all clients are alike, and those from outside are masqueraded.
    /// </summary>
    public EquatableArray<Target>? LocalTargets { get; init; }

    /// <summary>Who may use it; empty: everybody. Others are dropped.</summary>
    public EquatableArray<IPNetwork> Sources { get; init; } = new([]);

    /// <summary>It has targets, but none that this node may use: packets are dropped, not rejected.</summary>
    public bool Drops { get; init; }
}

/// <summary>What the kernel should do for one service in one address family. Equal means no work.</summary>
/// <param name="Addresses">Cluster addresses.</param>
internal sealed record ServiceRules(EquatableArray<IPAddress> Addresses, EquatableArray<PortRules> Ports);
