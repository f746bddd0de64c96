using System.Net;
using Fairlead.Node.Network;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>Which ports of the node a pod asks for (Kubernetes API reference: "ContainerPort").</summary>
internal static class HostPortRules
{
    private const byte Tcp = 6, Udp = 17, Sctp = 132;

    /// <summary>With the node's network there is nothing to lead: the pod listens on the node itself.</summary>
    public static IReadOnlyList<PortMapping> Of(V1PodSpec spec) => spec.HostNetwork == true ? [] : Claimed(spec);

    /// <summary>Those that no other pod of the node may have; with the node's network, every port that the pod names.</summary>
    public static IReadOnlyList<PortMapping> Claimed(V1PodSpec spec) =>
        [.. spec.Containers.Concat(spec.InitContainers?.Where(container => container.RestartPolicy == "Always") ?? [])
            .SelectMany(container => container.Ports ?? [])
            .Where(port => port.HostPort is > 0)
            .Select(port => new PortMapping(AddressOf(port.HostIP), port.HostPort!.Value, ProtocolOf(port.Protocol), port.ContainerPort))];

    private static IPAddress? AddressOf(string? text) => IPAddress.TryParse(text, out var address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) ? address : null;

    private static byte ProtocolOf(string? protocol) => protocol switch { "UDP" => Udp, "SCTP" => Sctp, _ => Tcp };
}
