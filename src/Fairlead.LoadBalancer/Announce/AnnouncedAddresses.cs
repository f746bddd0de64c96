using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Arp;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>
/// The addresses that this node answers for. They are on a link of their own, so that all on it are ours, also after a crash;
/// the kernel answers ARP for them on every link, and an announcement tells neighbours that an address has moved here.
/// </summary>
internal sealed class AnnouncedAddresses(NetworkNamespace network, IPAddress nodeAddress)
{
    private const string LinkName = "fl-lb";
    private const int HostPrefix = 32;

    /// <summary>Makes the kernel's addresses equal to these; answers those that are new.</summary>
    /// <param name="lifetime">When the kernel takes them away by itself, unless this is called again: a dead process cannot. Null: never.</param>
    /// <exception cref="IOException">The kernel refused.</exception>
    public IReadOnlyList<string> Apply(IReadOnlySet<string> wanted, TimeSpan? lifetime)
    {
        using var routes = RouteSocket.Open(network);
        if (routes.FindLink(LinkName) is null && wanted.Count == 0) return [];
        // A bridge without ports is a link on which nothing can arrive, which needs no further module.
        routes.TryCreateBridge(LinkName);
        var link = routes.IndexOf(LinkName);
        routes.SetUp(link);
        var present = routes.ListAddresses(link).Where(found => found.Address.AddressFamily == AddressFamily.InterNetwork).Select(found => found.Address.ToString()).ToHashSet();
        foreach (var address in present.Except(wanted)) routes.TryDeleteAddress(new LinkAddress(link, IPAddress.Parse(address), HostPrefix));
        foreach (var address in wanted) routes.SetAddress(new LinkAddress(link, IPAddress.Parse(address), HostPrefix), lifetime);
        return [.. wanted.Except(present)];
    }

    /// <summary>Tells the neighbours of the node's own link.</summary>
    public void Tell(string address)
    {
        using var routes = RouteSocket.Open(network);
        var index = routes.ListAddresses().FirstOrDefault(found => found.Address.Equals(nodeAddress))?.LinkIndex;
        if (index is null || routes.ListLinks().FirstOrDefault(link => link.Index == index) is not { } uplink) return;
        GratuitousArp.Send(network, uplink.Index, uplink.Mac, IPAddress.Parse(address));
    }
}
