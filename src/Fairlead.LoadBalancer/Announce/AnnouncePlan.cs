using System.Security.Cryptography;
using System.Text;
using Fairlead.Kube;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>Which addresses a node announces. Pure, and the same on every node, so that no two announce one address.</summary>
internal static class AnnouncePlan
{
    /// <param name="readyNodes">Names of the nodes that may receive traffic.</param>
    /// <param name="nodesWithEndpoint">Of a service, the nodes that have a ready endpoint of it.</param>
    /// <returns>Addresses that <paramref name="node"/> announces.</returns>
    public static IReadOnlySet<string> Decide(
        string node, IEnumerable<BalancedService> services, IReadOnlyCollection<string> readyNodes, Func<ObjectKey, IReadOnlySet<string>> nodesWithEndpoint) =>
        services.Where(service => service.Address is not null && WinnerOf(service, readyNodes, nodesWithEndpoint) == node)
            .Select(service => service.Address!).ToHashSet();

    /// <summary>
    /// The candidate with the least hash together with the address (rendezvous hashing): when a node goes, only the addresses
    /// that it announced move.
    /// </summary>
    internal static string? WinnerOf(BalancedService service, IReadOnlyCollection<string> readyNodes, Func<ObjectKey, IReadOnlySet<string>> nodesWithEndpoint)
    {
        var candidates = service.LocalOnly ? readyNodes.Where(nodesWithEndpoint(service.Key).Contains) : readyNodes;
        return candidates.MinBy(candidate => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{candidate}/{service.Address}"))), StringComparer.Ordinal);
    }
}
