using System.Net;

namespace Fairlead.Linux.Netlink.Conntrack;

/// <summary>One direction of a flow.</summary>
public readonly record struct FlowTuple(IPAddress Source, IPAddress Destination, ushort SourcePort, ushort DestinationPort);

/// <summary>A tracked flow.</summary>
/// <param name="Protocol">6 TCP, 17 UDP, 132 SCTP.</param>
/// <param name="Original">As the first packet was, before translation.</param>
/// <param name="Reply">As answers are: their source is where the flow was sent to.</param>
/// <param name="Id">The kernel's number, so that deleting never hits a younger flow with the same addresses.</param>
public sealed record Flow(byte Protocol, FlowTuple Original, FlowTuple Reply, uint Id);
