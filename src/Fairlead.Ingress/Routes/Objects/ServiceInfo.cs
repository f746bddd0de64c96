using System.Net;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Ingress.Routes.Objects;

internal readonly record struct ServicePort(string Name, int Port);

/// <summary>What is kept of a Service.</summary>
/// <param name="Uid">Seeds the affinity cookies: the same on every node and after every restart, and not to be guessed.</param>
/// <param name="ExternalName">Empty but for that type.</param>
/// <param name="ClusterIP">Empty for none.</param>
/// <param name="Addresses">Of the load balancer, from its status.</param>
internal sealed record ServiceInfo(
    string Uid, string ExternalName, string ClusterIP, EquatableArray<ServicePort> Ports, EquatableArray<string> Addresses)
{
    internal static ServiceInfo? From(V1Service service) => service.Spec is not { } spec ? null : new ServiceInfo(
        service.Metadata.Uid ?? "",
        spec.Type == "ExternalName" ? (spec.ExternalName ?? "").TrimEnd('.') : "",
        IPAddress.TryParse(spec.ClusterIP, out _) ? spec.ClusterIP : "",
        new((spec.Ports ?? []).Where(port => port.Protocol is null or "TCP").Select(port => new ServicePort(port.Name ?? "", port.Port))),
        new((service.Status?.LoadBalancer?.Ingress ?? []).Select(address => address.Ip ?? address.Hostname ?? "").Where(address => address.Length > 0)));
}
