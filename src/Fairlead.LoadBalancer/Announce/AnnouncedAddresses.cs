using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Neighbours;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>
/// The addresses that this node answers for. They are on a link of their own, so that all on it are ours, also after a crash;
/// the kernel answers ARP for them on every link. Neighbour solicitations of IPv6 it answers only for addresses of the link that
/// they come by, so these are on the node's own link as well. An announcement tells neighbours that an address has moved here.
/// </summary>
internal sealed class AnnouncedAddresses(NetworkNamespace network, IPAddress nodeAddress)
{
    private const string LinkName = "fl-lb";

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
        var present = routes.ListAddresses(link).Where(found => !found.Address.IsIPv6LinkLocal).Select(found => found.Address.ToString()).ToHashSet();
        var uplink = Uplink(routes);
        // First and last on the link by which they are known as ours: whatever happens in between, they are found again.
        foreach (var address in present.Except(wanted).SelectMany(text => OnLinks(text).Reverse())) routes.TryDeleteAddress(address);
        foreach (var address in wanted.SelectMany(OnLinks)) routes.SetAddress(address, lifetime);
        return [.. wanted.Except(present)];

        IEnumerable<LinkAddress> OnLinks(string text)
        {
            var address = IPAddress.Parse(text);
            if (address.AddressFamily == AddressFamily.InterNetwork) return [new LinkAddress(link, address, 32)];
            return uplink is { } own ? [new LinkAddress(link, address, 128), new LinkAddress(own, address, 128)] : [new LinkAddress(link, address, 128)];
        }
    }

    /// <summary>Tells the neighbours of the node's own link.</summary>
    public void Tell(string address)
    {
        using var routes = RouteSocket.Open(network);
        if (Uplink(routes) is not { } index || routes.ListLinks().FirstOrDefault(link => link.Index == index) is not { } uplink) return;
        var moved = IPAddress.Parse(address);
        if (moved.AddressFamily == AddressFamily.InterNetwork) GratuitousArp.Send(network, uplink.Index, uplink.Mac, moved);
        else NeighbourAdvertisement.Send(network, uplink.Index, uplink.Mac, moved);
    }

    private int? Uplink(RouteSocket routes) => routes.ListAddresses().FirstOrDefault(found => found.Address.Equals(nodeAddress))?.LinkIndex;
}
