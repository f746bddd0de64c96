using System.Net;
using Fairlead.Doctor.Diagnose;
using k8s.Models;

namespace Fairlead.Doctor.Trace;

/// <summary>The objects by which addresses are told apart, of all namespaces. Pure.</summary>
internal sealed record ClusterView
{
    public IReadOnlyList<V1Service> Services { get; init; } = [];
    public IReadOnlyList<V1EndpointSlice> Slices { get; init; } = [];
    public IReadOnlyList<V1Pod> Pods { get; init; } = [];
    public IReadOnlyList<V1Node> Nodes { get; init; } = [];
    public IReadOnlyList<V1Ingress> Ingresses { get; init; } = [];
    public IReadOnlyList<V1IngressClass> Classes { get; init; } = [];

    /// <summary>The service that an address belongs to: its cluster IP, a load balancer's address, or an external IP.</summary>
    internal V1Service? ServiceAt(IPAddress address)
    {
        var text = address.ToString();
        return Services.FirstOrDefault(service => service.Spec?.ClusterIPs?.Contains(text) == true || service.Spec?.ClusterIP == text || service.Spec?.ExternalIPs?.Contains(text) == true
            || service.Status?.LoadBalancer?.Ingress?.Any(entry => entry.Ip == text) == true);
    }

    /// <summary>The service whose node port it is.</summary>
    internal V1Service? NodePort(IPEndPoint to) =>
        Nodes.Any(node => node.Status?.Addresses?.Any(own => own.Address == to.Address.ToString()) == true)
            ? Services.FirstOrDefault(service => service.Spec?.Ports?.Any(port => port.NodePort == to.Port) == true) : null;

    internal V1Pod? PodAt(IPAddress address) => Pods.FirstOrDefault(pod => pod.Status?.Phase is not ("Succeeded" or "Failed") && pod.Spec?.HostNetwork != true && PodFacts.Addresses(pod).Contains(address));

    /// <summary>"pod/kubia-x on node2", "node1", or the bare address.</summary>
    internal string Describe(IPAddress address)
    {
        if (PodAt(address) is { } pod) return $"pod/{pod.Metadata.Name} on {pod.Spec?.NodeName}";
        return Nodes.FirstOrDefault(node => node.Status?.Addresses?.Any(own => own.Address == address.ToString()) == true)?.Metadata.Name ?? address.ToString();
    }

    /// <summary>Where a request to an address that Ingresses are served at is sent on to; null when none has it or none of its rules takes it.</summary>
    internal ChosenRoute? Route(IPAddress address, string host, string path) => RouteChoice.Choose(ServedAt(address), host, path);

    internal IReadOnlyList<V1Ingress> ServedAt(IPAddress address)
    {
        var text = address.ToString();
        // Through the cluster IP of the controller's service one comes to the same place.
        var balancer = ServiceAt(address)?.Status?.LoadBalancer?.Ingress?.Select(entry => entry.Ip).ToList() ?? [];
        return [.. Ingresses.Where(ingress => ingress.Status?.LoadBalancer?.Ingress?.Any(entry => entry.Ip == text || balancer.Contains(entry.Ip)) == true)];
    }

    /// <summary>Where an Ingress with a rule for a host is served; null when none is.</summary>
    internal (V1Ingress Ingress, IPAddress Address)? AddressOfHost(string host)
    {
        foreach (var ingress in Ingresses.Where(ingress => RouteChoice.Choose([ingress], host, "/") is not null || RouteChoice.Hosts(ingress).Contains(host)))
        {
            if (IPAddress.TryParse(ingress.Status?.LoadBalancer?.Ingress?.Select(entry => entry.Ip).FirstOrDefault(), out var address)) return (ingress, address);
        }
        return null;
    }

    /// <summary>Ready endpoints of a route's service.</summary>
    internal IReadOnlyList<string> Endpoints(ChosenRoute route) =>
        [.. Slices.Where(slice => slice.Metadata.NamespaceProperty == route.Ingress.Metadata.NamespaceProperty && slice.Metadata.Labels is { } labels
                && labels.TryGetValue("kubernetes.io/service-name", out var name) && name == route.Backend.Service?.Name)
            .SelectMany(slice => (slice.Endpoints ?? []).Where(endpoint => endpoint.Conditions?.Ready != false))
            .Select(endpoint => endpoint.TargetRef?.Name ?? endpoint.Addresses?.FirstOrDefault()).OfType<string>().Distinct()];

    /// <summary>Why nothing listens there, as far as objects tell; null when they do not.</summary>
    internal Finding? Misdirected(IPEndPoint to)
    {
        if (ServiceAt(to.Address) is not { } service || service.Spec?.Ports is not { Count: > 0 } ports || ports.Any(port => port.Port == to.Port)) return null;
        var about = $"svc/{service.Metadata.Name}";
        var right = ports.FirstOrDefault(port => port.TargetPort?.Value == to.Port.ToString(System.Globalization.CultureInfo.InvariantCulture)
            || Pods.Any(pod => pod.Metadata.NamespaceProperty == service.Metadata.NamespaceProperty && PodFacts.TargetNumber(port, pod) == to.Port));
        return right is not null
            ? new Finding(Severity.Problem, "target-port-used", about, $"{to.Port} is its target port, at which its pods listen; clients use its port {right.Port}", $"spec.ports has port {right.Port}, targetPort {right.TargetPort?.Value}", $"use port {right.Port} in the URL")
            : new Finding(Severity.Problem, "no-such-service-port", about, $"it has no port {to.Port}", $"its ports are {string.Join(", ", ports.Select(port => port.Port))}", $"kubectl -n {service.Metadata.NamespaceProperty} get service {service.Metadata.Name}");
    }
}
