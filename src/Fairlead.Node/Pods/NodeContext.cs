using System.Net;
using Fairlead.Node.Environment;

namespace Fairlead.Node.Pods;

/// <summary>What pods are told of their node and cluster.</summary>
internal sealed record NodeContext
{
    public required IPAddress Address { get; init; }
    public required string? ClusterDns { get; init; }
    public required string ClusterDomain { get; init; }
    public required string HostName { get; init; }
    public required long Memory { get; init; }

    /// <summary>What the Node object says now of who may run here.</summary>
    public required Func<NodeOffer> Offer { get; init; }

    /// <summary>Whether pods can get a network of their own.</summary>
    public Func<bool> HasNetwork { get; init; } = () => true;

    /// <summary>The services that there are now.</summary>
    public required Func<IEnumerable<ServiceFacts>> Services { get; init; }
}
