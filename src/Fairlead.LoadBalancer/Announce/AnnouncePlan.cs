using System.Security.Cryptography;
using System.Text;
using Fairlead.Kube;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>What a node knows when it decides.</summary>
/// <param name="Node">Its name.</param>
/// <param name="MayAnnounce">Its own Lease is fresh; else another node may take its addresses over.</param>
/// <param name="Eligible">Nodes that may receive traffic from outside.</param>
/// <param name="Alive">Nodes whose Lease is fresh.</param>
/// <param name="Holders">Address to the node that holds its Lease.</param>
/// <param name="NodesWithEndpoint">Of a service, the nodes that have a ready endpoint of it.</param>
internal sealed record Situation(
    string Node, bool MayAnnounce, IReadOnlySet<string> Eligible, IReadOnlySet<string> Alive, IReadOnlyDictionary<string, string> Holders,
    Func<ObjectKey, IReadOnlySet<string>> NodesWithEndpoint);

/// <summary>What a node does about addresses.</summary>
/// <param name="Announce">Holds and answers for; for no other.</param>
/// <param name="Claim">Nobody holds them: to be held, then announced.</param>
/// <param name="TakeOver">A dead node holds them.</param>
/// <param name="Release">Once it no longer answers for them.</param>
internal sealed record AnnounceActions(IReadOnlySet<string> Announce, IReadOnlyList<string> Claim, IReadOnlyList<string> TakeOver, IReadOnlyList<string> Release);

/// <summary>Which addresses a node announces. Pure.</summary>
internal static class AnnouncePlan
{
    public static AnnounceActions Decide(IEnumerable<BalancedService> services, Situation now)
    {
        HashSet<string> announce = [];
        List<string> claim = [], takeOver = [], release = [];
        var wanted = services.SelectMany(service => service.Addresses.Select(address => (Address: address, User: service)))
            .GroupBy(use => use.Address, use => use.User).ToDictionary(group => group.Key, group => group.ToList());
        // With nobody else to take over, a server out of reach is no reason to fall silent.
        var isAlone = !now.Eligible.Any(node => node != now.Node);
        if (!now.MayAnnounce)
        {
            return new(isAlone ? wanted.Keys.Where(IsMine).ToHashSet() : announce, claim, takeOver, release);
        }
        foreach (var (address, users) in wanted)
        {
            var isWinner = WinnerOf(address, users, now) == now.Node;
            if (IsMine(address)) (isWinner ? (ICollection<string>)announce : release).Add(address);
            else if (isWinner && !now.Holders.ContainsKey(address)) claim.Add(address);
            // A live one lets go by itself, once it has seen the same.
            else if (isWinner && !now.Alive.Contains(now.Holders[address])) takeOver.Add(address);
        }
        release.AddRange(now.Holders.Where(pair => pair.Value == now.Node && !wanted.ContainsKey(pair.Key)).Select(pair => pair.Key));
        return new(announce, claim, takeOver, release);

        bool IsMine(string address) => now.Holders.TryGetValue(address, out var holder) && holder == now.Node;
    }

    /// <summary>
    /// The candidate with the least hash together with the address (rendezvous hashing): when a node goes, only the addresses
    /// that it announced move.
    /// </summary>
    internal static string? WinnerOf(string address, IReadOnlyCollection<BalancedService> users, Situation now)
    {
        var candidates = now.Eligible.Where(now.Alive.Contains);
        foreach (var service in users.Where(service => service.LocalOnly)) candidates = candidates.Where(now.NodesWithEndpoint(service.Key).Contains);
        return candidates.MinBy(candidate => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{candidate}/{address}"))), StringComparer.Ordinal);
    }
}
