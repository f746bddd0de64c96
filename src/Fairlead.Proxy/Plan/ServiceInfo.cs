using Fairlead.Kube;
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
    private const string SourceRangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";
    private const int DefaultAffinitySeconds = 10800;

    public required EquatableArray<IPAddress> ClusterAddresses { get; init; }

    /// <summary>spec.externalIPs.</summary>
    public EquatableArray<IPAddress> ExternalAddresses { get; init; } = new([]);

    /// <summary>Load balancers' addresses that are delivered to nodes as they are (ipMode VIP).</summary>
    public EquatableArray<IPAddress> BalancerAddresses { get; init; } = new([]);

    /// <summary>Who may use <see cref="BalancerAddresses"/>; empty: everybody.</summary>
    public EquatableArray<IPNetwork> SourceRanges { get; init; } = new([]);

    /// <summary>Where load balancers ask whether this node has endpoints; 0 for nowhere.</summary>
    public ushort HealthCheckPort { get; init; }

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
            ExternalAddresses = new(Parse(spec.ExternalIPs ?? []).Distinct()),
            BalancerAddresses = new(Parse((service.Status?.LoadBalancer?.Ingress ?? []).Where(ingress => ingress.IpMode is null or "VIP").Select(ingress => ingress.Ip)).Distinct()),
            SourceRanges = new(Sources(service)),
            HealthCheckPort = spec is { Type: "LoadBalancer", ExternalTrafficPolicy: "Local" } ? (ushort)(spec.HealthCheckNodePort ?? 0) : (ushort)0,
            Ports = new((spec.Ports ?? []).Select(port =>
                new ServicePort(port.Name ?? "", Protocols.Number(port.Protocol), (ushort)port.Port, (ushort)(port.NodePort ?? 0)))),
            AffinitySeconds = spec.SessionAffinity == "ClientIP"
                ? (uint)(spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds ?? DefaultAffinitySeconds)
                : 0,
            InternalLocal = spec.InternalTrafficPolicy == "Local",
            ExternalLocal = spec.ExternalTrafficPolicy == "Local",
        };
    }

    /// <summary>The field, or where it is empty, the annotation of before; what is no range is nobody's.</summary>
    private static IEnumerable<IPNetwork> Sources(V1Service service)
    {
        if (service.Spec.Type != "LoadBalancer")
        {
            return [];
        }
        IEnumerable<string> texts = service.Spec.LoadBalancerSourceRanges ?? [];
        if (!texts.Any() && service.Metadata.Annotations?.TryGetValue(SourceRangesAnnotation, out string? annotation) == true)
        {
            texts = annotation.Split(',', StringSplitOptions.RemoveEmptyEntries);
        }
        return [.. texts.Select(text => IPNetwork.TryParse(text.Trim(), out IPNetwork network) ? (IPNetwork?)network : null).OfType<IPNetwork>()
            .Distinct().OrderBy(network => network.ToString(), StringComparer.Ordinal)];
    }

    // Headless services say "None".
    private static IEnumerable<IPAddress> Addresses(V1ServiceSpec spec) => Parse(spec.ClusterIPs is { Count: > 0 } all ? all : [spec.ClusterIP ?? ""]);

    private static IEnumerable<IPAddress> Parse(IEnumerable<string> texts) =>
        texts.Select(text => IPAddress.TryParse(text, out IPAddress? address) ? address : null).OfType<IPAddress>();
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

    internal static bool IsIPv6(this IPNetwork network) => network.BaseAddress.IsIPv6();
}
