using System.Net;

namespace Fairlead.Doctor.Snapshot;

internal enum DnsOutcome { Answered, NoData, NoSuchName, Failed, Silent }

/// <param name="Name">As asked, without the last dot.</param>
/// <param name="Code">The server's response code as dig names it, for example NXDOMAIN.</param>
internal sealed record DnsAnswer(string Name, DnsOutcome Outcome, string Code, IReadOnlyList<IPAddress> Addresses, string? Alias, TimeSpan Took);

/// <param name="Node">From where it was asked.</param>
/// <param name="Server">Who was asked.</param>
/// <param name="IsService">The server is the DNS service's cluster IP, not one of its endpoints.</param>
internal sealed record DnsSeen(string Node, IPEndPoint Server, bool IsService, DnsAnswer Answer);

/// <param name="Differences">In nft's words.</param>
/// <param name="Failure">Why the kernel could not be read.</param>
internal sealed record KernelSeen(string Node, int Wanted, IReadOnlyList<string> Differences, string? Failure, TimeSpan Took);

internal enum ConnectOutcome { Connected, Refused, Silent, Unreachable }

/// <param name="Node">From where.</param>
/// <param name="IsEndpoint">To a pod itself, not to the service's address.</param>
internal sealed record ConnectSeen(string Node, IPEndPoint To, bool IsEndpoint, ConnectOutcome Outcome, TimeSpan Took);

/// <summary>A socket that waits: TCP in LISTEN, or UDP without a peer.</summary>
internal sealed record ListeningSocket(string Protocol, IPAddress Address, int Port)
{
    public bool IsLoopback => IPAddress.IsLoopback(Address.IsIPv4MappedToIPv6 ? Address.MapToIPv4() : Address);
}

internal sealed record PodSockets(string Pod, IReadOnlyList<ListeningSocket> Sockets);

/// <summary>A connection from this machine, which is outside the cluster, to an address that is meant for the outside.</summary>
/// <param name="Node">The node whose node port it is; null: a load balancer's address.</param>
/// <param name="Source">This machine's address towards it; null: it has no way there.</param>
internal sealed record OutsideSeen(IPEndPoint To, string? Node, IPAddress? Source, ConnectOutcome Outcome, TimeSpan Took);

/// <summary>How a node is.</summary>
internal enum NodeState
{
    /// <summary>Its agent's process lives, and /healthz of its load balancer answered within a second.</summary>
    Well,
    /// <summary>The process lives, and its load balancer does not answer.</summary>
    Silent,
    /// <summary>The process is gone.</summary>
    Down,
    /// <summary>It was stopped, as if its machine had lost power.</summary>
    Stopped,
}

/// <param name="Start">The command that starts it again, or what is missing of it.</param>
internal sealed record NodeSeen(string Node, NodeState State, string Start = "");

/// <param name="Status">HTTP status; null when nothing answered.</param>
internal sealed record HttpSeen(string From, string Url, string Host, int? Status, string? Failure, TimeSpan Took);

/// <summary>What was seen from this machine, beside the objects.</summary>
internal sealed record Observations
{
    public static readonly Observations None = new();

    /// <summary>False: no node of the cluster is on this machine, so nothing of the rest was looked at.</summary>
    public bool HasNodes { get; init; }

    public IReadOnlyList<NodeSeen> Nodes { get; init; } = [];
    public IReadOnlyList<DnsSeen> Dns { get; init; } = [];
    public IReadOnlyList<KernelSeen> Kernel { get; init; } = [];
    public IReadOnlyList<ConnectSeen> Connects { get; init; } = [];
    public IReadOnlyList<OutsideSeen> Outside { get; init; } = [];
    public IReadOnlyList<PodSockets> Sockets { get; init; } = [];
    public IReadOnlyList<HttpSeen> HealthPorts { get; init; } = [];
    public IReadOnlyList<HttpSeen> Requests { get; init; } = [];
}
