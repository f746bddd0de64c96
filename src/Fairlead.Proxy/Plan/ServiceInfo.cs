using System.Net;
using System.Net.Sockets;
using k8s.Models;

namespace Fairlead.Proxy.Plan;

/// <summary>A port of a service.</summary>
/// <param name="Name">Empty for the only port.</param>
/// <param name="Protocol">6 TCP, 17 UDP, 132 SCTP.</param>
/// <param name="Port">On the cluster addresses.</param>
/// <param name="NodePort">On the nodes' addresses; 0 for none.</param>
internal readonly record struct ServicePort(string Name, byte Protocol, ushort Port, ushort NodePort);

/// <summary>What the proxy keeps of a Service.</summary>
internal sealed record ServiceInfo
{
    private const string OtherProxyLabel = "service.kubernetes.io/service-proxy-name";
    private const string HeadlessLabel = "service.kubernetes.io/headless";
    private const int DefaultAffinitySeconds = 10800;

    public required EquatableArray<IPAddress> ClusterAddresses { get; init; }

    /// <summary>Load balancers' addresses that are delivered to nodes as they are (ipMode VIP), and spec.externalIPs.</summary>
    public EquatableArray<IPAddress> ExternalAddresses { get; init; } = new([]);

    public required EquatableArray<ServicePort> Ports { get; init; }

    /// <summary>Seconds for which a client keeps its endpoint; 0: no affinity.</summary>
    public uint AffinitySeconds { get; init; }

    /// <summary>internalTrafficPolicy: Local.</summary>
    public bool InternalLocal { get; init; }

    /// <summary>externalTrafficPolicy: Local.</summary>
    public bool ExternalLocal { get; init; }

    /// <summary>
    /// The service, or null when no rules are due: ExternalName, headless, or left to another proxy by label
    /// (https://kubernetes.io/docs/reference/labels-annotations-taints/#servicekubernetesioservice-proxy-name).
    /// </summary>
    internal static ServiceInfo? From(V1Service service)
    {
        V1ServiceSpec? spec = service.Spec;
        IDictionary<string, string>? labels = service.Metadata.Labels;
        if (spec is null || spec.Type == "ExternalName" || labels?.ContainsKey(OtherProxyLabel) == true || labels?.ContainsKey(HeadlessLabel) == true)
        {
            return null;
        }
        IPAddress[] addresses = [.. Addresses(spec)];
        if (addresses.Length == 0)
        {
            return null;
        }
        return new ServiceInfo
        {
            ClusterAddresses = new(addresses),
            ExternalAddresses = new(External(service).Distinct()),
            Ports = new((spec.Ports ?? []).Select(port =>
                new ServicePort(port.Name ?? "", Protocols.Number(port.Protocol), (ushort)port.Port, (ushort)(port.NodePort ?? 0)))),
            AffinitySeconds = spec.SessionAffinity == "ClientIP"
                ? (uint)(spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds ?? DefaultAffinitySeconds)
                : 0,
            InternalLocal = spec.InternalTrafficPolicy == "Local",
            ExternalLocal = spec.ExternalTrafficPolicy == "Local",
        };
    }

    private static IEnumerable<IPAddress> External(V1Service service)
    {
        IEnumerable<string> balancers = (service.Status?.LoadBalancer?.Ingress ?? []).Where(ingress => ingress.IpMode is null or "VIP").Select(ingress => ingress.Ip);
        foreach (string text in balancers.Concat(service.Spec.ExternalIPs ?? []))
        {
            if (IPAddress.TryParse(text, out IPAddress? address))
            {
                yield return address;
            }
        }
    }

    private static IEnumerable<IPAddress> Addresses(V1ServiceSpec spec)
    {
        IEnumerable<string> texts = spec.ClusterIPs is { Count: > 0 } all ? all : [spec.ClusterIP ?? ""];
        foreach (string text in texts)
        {
            // Headless services say "None".
            if (IPAddress.TryParse(text, out IPAddress? address))
            {
                yield return address;
            }
        }
    }
}

internal static class Protocols
{
    internal const byte Tcp = 6, Udp = 17, Sctp = 132;

    internal static byte Number(string? name) => name switch
    {
        "UDP" => Udp,
        "SCTP" => Sctp,
        _ => Tcp,
    };
}

internal static class Families
{
    internal static bool IsIPv6(this IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6;
}
