using System.Net;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.LoadBalancer;

/// <summary>What is kept of a Service of type LoadBalancer.</summary>
/// <param name="Requested">The address that its user asks for, as written; null: any.</param>
/// <param name="Address">The one in its status, or null.</param>
/// <param name="LocalOnly">externalTrafficPolicy: only nodes with an endpoint may receive.</param>
internal sealed record BalancedService(ObjectKey Key, string Uid, string? Requested, string? Address, bool LocalOnly)
{
    /// <summary>Value of spec.loadBalancerClass that asks for this implementation; without a class it serves too.</summary>
    public const string OwnClass = "fairlead.io/load-balancer";

    private static readonly string[] RequestAnnotations = ["fairlead.io/load-balancer-ips", "metallb.io/loadBalancerIPs"];

    /// <summary>Null for services that want no address from here.</summary>
    public static BalancedService? Of(V1Service service)
    {
        var spec = service.Spec;
        if (spec?.Type != "LoadBalancer" || spec.LoadBalancerClass is not (null or "" or OwnClass)) return null;
        var annotations = service.Metadata.Annotations;
        var annotated = annotations is null ? null : RequestAnnotations.Select(name => annotations.TryGetValue(name, out var value) ? value : null).FirstOrDefault(value => value is not null);
        var requested = annotated ?? spec.LoadBalancerIP;
        return new BalancedService(
            ObjectKey.Of(service), service.Metadata.Uid, string.IsNullOrEmpty(requested) ? null : requested,
            service.Status?.LoadBalancer?.Ingress?.Select(ingress => ingress.Ip).FirstOrDefault(ip => IPAddress.TryParse(ip, out _)),
            spec.ExternalTrafficPolicy == "Local");
    }
}
