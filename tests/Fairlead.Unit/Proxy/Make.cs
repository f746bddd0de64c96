using System.Net;
using Fairlead.Kube;
using Fairlead.Proxy.Plan;

namespace Fairlead.Unit.Proxy;

/// <summary>Short ways to the proxy's inputs.</summary>
internal static class Make
{
    internal static ServiceInfo Service(string address, params ServicePort[] ports) => new()
    {
        ClusterAddresses = new([IPAddress.Parse(address)]),
        Ports = new(ports),
    };

    internal static ServicePort Tcp(ushort port, string name = "", ushort nodePort = 0) => new(name, 6, port, nodePort);

    internal static ServicePort Udp(ushort port, string name = "", ushort nodePort = 0) => new(name, 17, port, nodePort);

    internal static SliceInfo Slice(string service, IEnumerable<SlicePort> ports, IEnumerable<string> addresses) => new()
    {
        Service = new ObjectKey("default", service),
        IsIPv6 = false,
        Ports = new(ports),
        Endpoints = new(addresses.Select(address => new SliceEndpoint(IPAddress.Parse(address), Ready: true, LastResort: false, IsLocal: true))),
    };

    internal static (ObjectKey Key, ServiceInfo? Service, IReadOnlyCollection<SliceInfo> Slices) Input(string name, ServiceInfo? service, params SliceInfo[] slices) =>
        (new ObjectKey("default", name), service, slices);
}
