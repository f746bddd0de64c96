using System.Net;

namespace Fairlead.Proxy.Plan;

/// <summary>Where a connection may be sent.</summary>
internal readonly record struct Target(IPAddress Address, ushort Port, bool IsLocal);

/// <summary>One port of one cluster address and the targets among which it chooses; none means that it rejects.</summary>
/// <param name="Address">The cluster address.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="Port">On the cluster address.</param>
/// <param name="NodePort">On the node's addresses; 0 for none, also for every cluster address but the first.</param>
/// <param name="AffinitySeconds">0: every connection chooses anew.</param>
/// <param name="Targets">Sorted, each once.</param>
internal sealed record PortRules(IPAddress Address, byte Protocol, ushort Port, ushort NodePort, uint AffinitySeconds, EquatableArray<Target> Targets);

/// <summary>What the kernel should do for one service in one address family. Equal means no work.</summary>
internal sealed record ServiceRules(EquatableArray<IPAddress> Addresses, EquatableArray<PortRules> Ports);
