using System.Globalization;
using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Diagnose;

/// <summary>Traffic policies, and the ports by which balancers ask for health.</summary>
internal static class PolicyCheck
{
    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        if (service.Service.Spec is not { } spec || service.IsExternalName || service.IsHeadless) yield break;
        var ready = SliceCheck.Ready(service).ToList();
        var with = ready.Select(item => item.Endpoint.NodeName).OfType<string>().ToHashSet();
        var without = service.Nodes.Select(node => node.Metadata.Name).Where(name => !with.Contains(name)).ToList();
        // Without any endpoint every node refuses; that is told elsewhere.
        if (ready.Count > 0 && without.Count > 0)
        {
            if (spec.InternalTrafficPolicy == "Local") yield return Inside(service, without, with);
            if (spec.ExternalTrafficPolicy == "Local") yield return Outside(service, without, with);
        }
        foreach (var seen in service.Seen.HealthPorts)
        {
            if (HealthPort(service, seen, with) is { } finding) yield return finding;
        }
    }

    private static Finding Inside(ServiceCase service, List<string> without, HashSet<string> with) =>
        new Finding(Severity.Warning, "internal-local-without-endpoint", service.About, $"pods on {PodFacts.Names(without)} hang when they use it: internalTrafficPolicy is Local, and no endpoint is there",
            $"its ready endpoints are on {PodFacts.Names(with)}; a node with a Local policy and no endpoint of its own drops the packets",
            $"kubectl -n {service.Namespace} patch service {service.Name} --type merge -p '{{\"spec\":{{\"internalTrafficPolicy\":\"Cluster\"}}}}'");

    private static Finding Outside(ServiceCase service, List<string> without, HashSet<string> with)
    {
        var ports = string.Join(", ", service.Ports.Where(port => port.NodePort is > 0).Select(port => port.NodePort!.Value.ToString(CultureInfo.InvariantCulture)));
        // A balancer knows by the health check port; who uses a node port does not.
        var balanced = service.Type == "LoadBalancer";
        return new Finding(balanced ? Severity.Hint : Severity.Warning, "external-local-without-endpoint", service.About,
            $"clients outside that use {PodFacts.Names(without)} hang (node port {ports}): externalTrafficPolicy is Local, and no endpoint is there",
            $"its ready endpoints are on {PodFacts.Names(with)}" + (balanced ? "; a load balancer is to leave such nodes out" : ""),
            balanced ? $"kubectl -n {service.Namespace} get service {service.Name} -o jsonpath={{.spec.healthCheckNodePort}}"
                : $"kubectl -n {service.Namespace} patch service {service.Name} --type merge -p '{{\"spec\":{{\"externalTrafficPolicy\":\"Cluster\"}}}}'");
    }

    private static Finding? HealthPort(ServiceCase service, HttpSeen seen, HashSet<string> with)
    {
        var wanted = with.Contains(seen.From) ? 200 : 503;
        if (seen.Status == wanted) return null;
        return seen.Status is null
            ? new Finding(Severity.Warning, "health-check-port-silent", $"node/{seen.From}", $"its health check port for {service.About} ({seen.Url}) does not answer: a load balancer outside takes the node for dead", seen.Failure ?? "no answer",
                $"look at the agent's log of {seen.From} for who else listens at that port, or whether it runs")
            : new Finding(Severity.Warning, "health-check-port-wrong", $"node/{seen.From}", $"its health check port for {service.About} answers {seen.Status}, not {wanted}", $"GET {seen.Url} from the node",
                $"kubectl -n {service.Namespace} get endpointslices -l kubernetes.io/service-name={service.Name} -o yaml");
    }
}
