using System.Net;
using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.LoadBalancer.Announce;
using k8s.Models;

namespace Fairlead.LoadBalancer;

/// <summary>What is kept of a Service of type LoadBalancer.</summary>
/// <param name="Requested">The addresses that its user asks for, as written; none: any.</param>
/// <param name="Addresses">Those in its status.</param>
/// <param name="LocalOnly">externalTrafficPolicy: only nodes with an endpoint may receive.</param>
internal sealed record BalancedService(ObjectKey Key, string Uid, EquatableArray<string> Requested, EquatableArray<string> Addresses, bool LocalOnly)
{
    private static readonly string[] RequestAnnotations = ["fairlead.io/load-balancer-ips", "metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];
    private static readonly string[] SharingAnnotations = ["fairlead.io/allow-shared-ip", "metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"];

    /// <summary>Services that name the same key may have one address, on different ports; null: its address is its own.</summary>
    public string? SharingKey { get; init; }

    /// <summary>It is to have an address of each, the first before the second.</summary>
    public EquatableArray<AddressFamily> Families { get; init; } = new([AddressFamily.InterNetwork]);

    /// <summary>ipFamilyPolicy RequireDualStack: all of them or none.</summary>
    public bool NeedsAllFamilies { get; init; }

    /// <summary>For example TCP/80.</summary>
    public EquatableArray<string> Ports { get; init; } = new([]);

    /// <summary>Its selector, as sorted text.</summary>
    public string Selector { get; init; } = "";

    /// <summary>Null for services that want no address from here.</summary>
    /// <param name="onlyClass">Serve services of this class alone; null: those of <see cref="AnnouncerOptions.OwnClass"/> and those without.</param>
    public static BalancedService? Of(V1Service service, string? onlyClass)
    {
        var spec = service.Spec;
        if (spec?.Type != "LoadBalancer" || !Serves(spec.LoadBalancerClass, onlyClass)) return null;
        var requested = Annotation(service, RequestAnnotations) ?? spec.LoadBalancerIP ?? "";
        return new BalancedService(
            ObjectKey.Of(service), service.Metadata.Uid,
            new(requested.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)),
            new((service.Status?.LoadBalancer?.Ingress ?? []).Select(ingress => IPAddress.TryParse(ingress.Ip, out var ip) ? ip.ToString() : null).OfType<string>()),
            spec.ExternalTrafficPolicy == "Local")
        {
            Families = new(spec.IpFamilies is { Count: > 0 } families ? families.Select(FamilyOf) : [AddressFamily.InterNetwork]),
            NeedsAllFamilies = spec.IpFamilyPolicy == "RequireDualStack",
            SharingKey = Annotation(service, SharingAnnotations),
            Ports = new((spec.Ports ?? []).Select(port => $"{port.Protocol ?? "TCP"}/{port.Port}")),
            Selector = string.Join(',', (spec.Selector ?? new Dictionary<string, string>()).Select(pair => $"{pair.Key}={pair.Value}").Order(StringComparer.Ordinal)),
        };
    }

    /// <summary>
    /// Whether both may have one address: by a common key, without a common port, and where one of them is only for nodes
    /// with its endpoints, with the same endpoints.
    /// </summary>
    public bool SharesWith(BalancedService other) =>
        SharingKey is not null && SharingKey == other.SharingKey
        && !Ports.Intersect(other.Ports).Any()
        && LocalOnly == other.LocalOnly && (!LocalOnly || (Key.Namespace == other.Key.Namespace && Selector == other.Selector));

    private static AddressFamily FamilyOf(string name) => name == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;

    private static bool Serves(string? itsClass, string? onlyClass) =>
        onlyClass is null ? itsClass is null or "" or AnnouncerOptions.OwnClass : itsClass == onlyClass;

    private static string? Annotation(V1Service service, string[] names) =>
        service.Metadata.Annotations is { } annotations
            ? names.Select(name => annotations.TryGetValue(name, out var value) && value.Length > 0 ? value : null).FirstOrDefault(value => value is not null)
            : null;
}
