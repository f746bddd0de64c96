using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Conntrack;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy;
using Fairlead.Proxy.Apply;
using Fairlead.Unit.Linux;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Unit.Proxy.Apply;

/// <summary>
/// A node as a namespace that routes between pods, each a namespace with TCP and UDP servers on port 8080 that answer with
/// the pod's address and the client address that they saw, and a client outside of the pod network.
/// </summary>
internal sealed class ProxyLab : IAsyncDisposable
{
    internal const string Client = "192.168.7.2";
    private readonly TestNamespace _node = new("node");
    private readonly ConcurrentDictionary<string, TestNamespace> _hosts = new();
    private readonly List<Socket> _servers = [];
    private readonly List<Task> _loops = [];
    private readonly int _bridge, _prefix;

    /// <param name="pods">How many pods, numbered from 1.</param>
    /// <param name="options">Null: the pods' network as cluster network.</param>
    /// <param name="bridgedPrefix">
    /// Above 0: pods are ports of a bridge, with addresses of this prefix length; with less than 32 they reach each other
    /// without the node. 0: no bridge, the node routes between them.
    /// </param>
    internal ProxyLab(int pods, ServiceProxyOptions? options = null, int bridgedPrefix = 0)
    {
        _node.Network.Run(() => Sysctl.Write("net/ipv4/ip_forward", "1"));
        using (RouteSocket route = RouteSocket.Open(_node.Network))
        {
            if (bridgedPrefix > 0)
            {
                _prefix = bridgedPrefix;
                _bridge = MakeBridge(route);
            }
            foreach (string pod in Enumerable.Range(1, pods).Select(Pod))
            {
                Attach(route, pod);
                Serve(pod);
            }
            Attach(route, Client);
            // Without a route, a program of the node could not even send to a cluster address.
            route.TryAddRoute(new Route(IPNetwork.Parse("0.0.0.0/0")) { LinkIndex = route.IndexOf("h" + Client) });
        }
        Options = options ?? new ServiceProxyOptions { NodeName = "node", ClusterNetworks = [IPNetwork.Parse("10.244.0.0/16")] };
        Kernel = NewKernel();
    }

    internal ServiceProxyOptions Options { get; }

    internal string NodePath => _node.Path;

    internal NetworkNamespace Node => _node.Network;

    internal ProxyKernel Kernel { get; private set; }

    internal static string Pod(int number) => $"10.244.0.{number}";

    internal static CancellationToken Deadline => new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token;

    internal ProxyKernel NewKernel() =>
        new(KernelNfTables.Open(Node), ConntrackSocket.Open(Node), RouteSocket.Open(Node), Options, NullLogger.Instance, TimeProvider.System);

    internal void RestartProxy()
    {
        Kernel.Dispose();
        Kernel = NewKernel();
    }

    internal NetworkNamespace Host(string address) => _hosts[address].Network;

    /// <summary>Connects over TCP and returns what the server says: "pod client".</summary>
    internal static async Task<string> TcpAsync(NetworkNamespace from, string target, CancellationToken? patience = null)
    {
        CancellationToken deadline = patience ?? Deadline;
        using Socket socket = from.CreateSocket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(target), deadline);
        byte[] answer = new byte[128];
        return Encoding.ASCII.GetString(answer, 0, await socket.ReceiveAsync(answer, deadline));
    }

    /// <summary>Sends over a UDP socket and returns the answer.</summary>
    internal static async Task<string> UdpAsync(Socket socket, string target)
    {
        await socket.SendToAsync(new byte[] { 1 }, IPEndPoint.Parse(target), Deadline);
        byte[] answer = new byte[128];
        SocketReceiveFromResult result = await socket.ReceiveFromAsync(answer, new IPEndPoint(IPAddress.Any, 0), Deadline);
        return Encoding.ASCII.GetString(answer, 0, result.ReceivedBytes);
    }

    public async ValueTask DisposeAsync()
    {
        Kernel.Dispose();
        _servers.ForEach(server => server.Dispose());
        await Task.WhenAll(_loops);
        foreach (TestNamespace host in _hosts.Values)
        {
            host.Dispose();
        }
        _node.Dispose();
    }

    private static int MakeBridge(RouteSocket route)
    {
        route.TryCreateBridge("br0");
        int bridge = route.IndexOf("br0");
        route.SetUp(bridge);
        route.TryAddAddress(new LinkAddress(bridge, IPAddress.Parse("10.244.0.254"), 24));
        return bridge;
    }

    private void Attach(RouteSocket node, string address)
    {
        if (_bridge != 0 && address != Client)
        {
            AttachToBridge(node, address);
            return;
        }
        var gateway = IPAddress.Parse("169.254.1.1");
        TestNamespace host = _hosts[address] = new TestNamespace("host");
        node.CreateVeth(new VethPair { Name = "h" + address, PeerName = "eth0", PeerNamespace = host.Network });
        int link = node.IndexOf("h" + address);
        node.TryAddAddress(new LinkAddress(link, address == Client ? IPAddress.Parse("192.168.7.1") : gateway, 32));
        node.TryAddRoute(new Route(new IPNetwork(IPAddress.Parse(address), 32)) { LinkIndex = link });
        using RouteSocket route = RouteSocket.Open(host.Network);
        int peer = route.IndexOf("eth0");
        route.SetUp(peer);
        route.TryAddAddress(new LinkAddress(peer, IPAddress.Parse(address), 32));
        route.TryAddRoute(new Route(IPNetwork.Parse("0.0.0.0/0")) { LinkIndex = peer, Gateway = gateway, OnLink = true });
    }

    private void AttachToBridge(RouteSocket node, string address)
    {
        TestNamespace host = _hosts[address] = new TestNamespace("host");
        node.CreateVeth(new VethPair { Name = "h" + address, PeerName = "eth0", PeerNamespace = host.Network, Master = _bridge });
        node.SetHairpin(node.IndexOf("h" + address), on: true);
        using RouteSocket route = RouteSocket.Open(host.Network);
        int peer = route.IndexOf("eth0");
        route.SetUp(peer);
        route.TryAddAddress(new LinkAddress(peer, IPAddress.Parse(address), _prefix));
        route.TryAddRoute(new Route(IPNetwork.Parse("0.0.0.0/0")) { LinkIndex = peer, Gateway = IPAddress.Parse("10.244.0.254"), OnLink = true });
    }

    private void Serve(string pod)
    {
        Socket tcp = Host(pod).ListenTcp(new IPEndPoint(IPAddress.Any, 8080));
        Socket udp = Host(pod).CreateSocket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        udp.Bind(new IPEndPoint(IPAddress.Any, 8080));
        _servers.AddRange([tcp, udp]);
        _loops.AddRange([ServeTcpAsync(tcp, pod), ServeUdpAsync(udp, pod)]);
    }

    private static async Task ServeTcpAsync(Socket listener, string pod)
    {
        try
        {
            while (true)
            {
                using Socket connection = await listener.AcceptAsync();
                await connection.SendAsync(Encoding.ASCII.GetBytes($"{pod} {((IPEndPoint)connection.RemoteEndPoint!).Address}"));
            }
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // The lab is over.
        }
    }

    private static async Task ServeUdpAsync(Socket socket, string pod)
    {
        try
        {
            byte[] buffer = new byte[64];
            while (true)
            {
                SocketReceiveFromResult question = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                await socket.SendToAsync(Encoding.ASCII.GetBytes($"{pod} {((IPEndPoint)question.RemoteEndPoint).Address}"), question.RemoteEndPoint);
            }
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // The lab is over.
        }
    }
}
