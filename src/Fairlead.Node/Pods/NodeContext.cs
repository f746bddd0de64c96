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

    /// <summary>The services that there are now.</summary>
    public required Func<IEnumerable<ServiceFacts>> Services { get; init; }
}
