using System.Net;
using System.Net.NetworkInformation;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Node.Network;

/// <summary>
/// The pods' network on this node: a bridge that holds the gateway address, and a veth pair a pod. A pod's address has prefix
/// length 32 and its only way out is the gateway, so that every packet, also between two pods of one bridge, is routed by the
/// node: its nf_tables see both directions, without the bridge netfilter module.
/// </summary>
/// <param name="node">The node's own network namespace.</param>
/// <param name="bridge">Name of the bridge, at most 15 bytes.</param>
internal sealed class PodNetwork(NetworkNamespace node, string bridge, string addressFolder)
{
    private const string PodInterface = "eth0";
    private readonly HostPorts _hostPorts = new(node, bridge);
    private readonly Lock _lock = new();
    private AddressPool? _pool;
    private int _bridgeIndex;

    /// <summary>The node's own network namespace.</summary>
    public NetworkNamespace Node => node;

    /// <summary>Null before the node was given its pod CIDR.</summary>
    public IPNetwork? PodCidr => _pool?.Network;

    /// <summary>The address by which pods leave; null before the node was given its pod CIDR.</summary>
    public IPAddress? Gateway => _pool?.Gateway;

    /// <summary>Makes the bridge or takes over the one that is there.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void Configure(IPNetwork podCidr)
    {
        lock (_lock)
        {
            if (_pool?.Network == podCidr) return;
            var pool = new AddressPool(addressFolder, podCidr);
            using var route = RouteSocket.Open(node);
            route.TryCreateBridge(bridge);
            _bridgeIndex = route.IndexOf(bridge);
            route.TryAddAddress(new LinkAddress(_bridgeIndex, pool.Gateway, podCidr.PrefixLength));
            route.SetUp(_bridgeIndex);
            node.Run(SetForwarding);
            _pool = pool;
        }
    }

    private void SetForwarding()
    {
        Sysctl.Write("net/ipv4/ip_forward", "1");
        // Packets between pods leave by the link they came on; pods must not be told to talk past the node.
        Sysctl.TryWrite($"net/ipv4/conf/{bridge}/send_redirects", "0");
        Sysctl.TryWrite("net/ipv4/conf/all/send_redirects", "0");
    }

    /// <summary>Connects a pod's namespace and answers its address.</summary>
    /// <exception cref="InvalidOperationException">The pod CIDR is unknown or used up.</exception>
    /// <exception cref="IOException">The kernel refused.</exception>
    public IPAddress Attach(string podUid, string namespacePath)
    {
        var pool = _pool ?? throw new InvalidOperationException("the node has no pod CIDR yet");
        var address = pool.Allocate(podUid);
        using var pod = NetworkNamespace.Open(namespacePath);
        using var route = RouteSocket.Open(node);
        var name = HostSide(podUid);
        route.TryDeleteLink(name);
        route.CreateVeth(new VethPair { Name = name, PeerName = PodInterface, PeerNamespace = pod, PeerMac = MacOf(address), Master = _bridgeIndex });
        route.SetHairpin(route.IndexOf(name), true);
        using var inside = RouteSocket.Open(pod);
        var link = inside.IndexOf(PodInterface);
        inside.TryAddAddress(new LinkAddress(link, address, 32));
        inside.SetUp(link);
        inside.ReplaceRoute(new Route(new IPNetwork(pool.Gateway, 32)) { LinkIndex = link });
        inside.ReplaceRoute(new Route(new IPNetwork(IPAddress.Any, 0)) { Gateway = pool.Gateway, LinkIndex = link });
        return address;
    }

    /// <summary>
    /// The address itself makes the MAC, as the bridge plugin of CNI does it: a neighbour that remembers the address' last pod
    /// reaches its next one too.
    /// </summary>
    private static PhysicalAddress MacOf(IPAddress address) => new([0x0a, 0x58, .. address.GetAddressBytes()]);

    /// <summary>Leads ports of the node to a pod that is attached.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void MapPorts(IPAddress pod, IReadOnlyList<PortMapping> ports) => _hostPorts.Map(pod, ports);

    /// <summary>Takes the pod's link away and gives its address back. Nothing happens when it has neither.</summary>
    public void Detach(string podUid)
    {
        using var route = RouteSocket.Open(node);
        route.TryDeleteLink(HostSide(podUid));
        if (_pool?.AddressOf(podUid) is { } address) _hostPorts.Unmap(address);
        _pool?.Release(podUid);
    }

    /// <summary>Gives the address of a pod back whose link is gone already; also before the node was given its pod CIDR.</summary>
    public void Release(string podUid)
    {
        if (_pool is { } pool) pool.Release(podUid);
        else AddressPool.Release(addressFolder, podUid);
    }

    /// <summary>Removes the bridge and every pod's link on it.</summary>
    public void Remove()
    {
        PodEgress.Remove(node);
        HostPorts.Remove(node);
        using var route = RouteSocket.Open(node);
        if (route.FindLink(bridge) is not { } found) return;
        foreach (var port in route.ListLinks().Where(link => link.Master == found.Index)) route.TryDeleteLink(port.Name);
        route.TryDeleteLink(bridge);
    }

    /// <summary>15 bytes is all that a link's name may have.</summary>
    private static string HostSide(string podUid) => "veth" + podUid.Replace("-", "", StringComparison.Ordinal)[..11];
}
