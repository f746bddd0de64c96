using Fairlead.Doctor.Snapshot;
using k8s.Models;

namespace Fairlead.Doctor.Diagnose;

/// <summary>The service's ports against what the containers name: named target ports, and ports given by hand.</summary>
internal static class PortCheck
{
    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        if (service.IsExternalName) yield break;
        if (service.Ports.Count == 0 && !service.IsHeadless)
        {
            yield return new Finding(Severity.Problem, "no-ports", service.About, "it has no ports", "spec.ports is empty", $"kubectl -n {service.Namespace} edit service {service.Name}");
        }
        for (var index = 0; index < service.Ports.Count; index++)
        {
            var port = service.Ports[index];
            var finding = service.HasSelector ? Named(service, port, index) ?? Undeclared(service, port, index) : ByHand(service, port);
            if (finding is not null) yield return finding;
        }
    }

    /// <summary>The command that gives a port another target.</summary>
    internal static string Retarget(ServiceCase service, int index, string target)
    {
        var value = int.TryParse(target, out _) ? target : $"\"{target}\"";
        return $"kubectl -n {service.Namespace} patch service {service.Name} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/ports/{index}/targetPort\",\"value\":{value}}}]'";
    }

    private static bool IsName(V1ServicePort port) => port.TargetPort?.Value is { Length: > 0 } target && !int.TryParse(target, out _);

    private static Finding? Named(ServiceCase service, V1ServicePort port, int index)
    {
        if (!IsName(port) || service.Selected.Count == 0) return null;
        var without = service.Selected.Where(pod => PodFacts.TargetNumber(port, pod) is null).ToList();
        if (without.Count == 0) return null;
        var all = without.Count == service.Selected.Count;
        var names = without.SelectMany(pod => PodFacts.Ports(pod, PodFacts.Protocol(port))).Where(own => own.Name is not null)
            .Select(own => $"{own.Name} ({own.ContainerPort})").Distinct().ToList();
        return new Finding(all ? Severity.Problem : Severity.Warning, "named-port-missing", service.About,
            $"its port {port.Port} leads to the container port named \"{port.TargetPort!.Value}\", which {(all ? "no container" : PodFacts.Names(without.Select(pod => pod.Metadata.Name)))} has",
            names.Count == 0 ? $"the containers of {PodFacts.Names(without.Select(pod => pod.Metadata.Name))} name no {PodFacts.Protocol(port)} port" : $"the containers name {string.Join(", ", names)}",
            names.Count == 1 ? Retarget(service, index, names[0].Split(' ')[0]) : $"kubectl -n {service.Namespace} get pods -o custom-columns=NAME:.metadata.name,PORTS:.spec.containers[*].ports[*].name");
    }

    /// <summary>Containers need not declare ports; only where nobody has looked whether the port listens, this is all there is to go by.</summary>
    private static Finding? Undeclared(ServiceCase service, V1ServicePort port, int index)
    {
        if (IsName(port) || service.Seen.Connects.Any(connect => connect.IsEndpoint) || service.Selected.Count == 0) return null;
        var protocol = PodFacts.Protocol(port);
        var declared = service.Selected.SelectMany(pod => PodFacts.Ports(pod, protocol)).Select(own => own.ContainerPort).Distinct().ToList();
        var target = PodFacts.TargetNumber(port, service.Selected[0]);
        if (declared.Count == 0 || declared.Contains(target ?? 0)) return null;
        return new Finding(Severity.Warning, "target-port-undeclared", service.About,
            $"its port {port.Port} leads to port {target} of the pods, which none of their containers declares" + (target == port.Port ? " (it is the service's own port)" : ""),
            $"the containers declare {string.Join(", ", declared)}; nobody has looked whether {target} listens",
            Retarget(service, index, declared[0].ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    /// <summary>Endpoints given by hand must name the port as the service does.</summary>
    private static Finding? ByHand(ServiceCase service, V1ServicePort port)
    {
        var slices = service.Slices.Where(slice => slice.Endpoints is { Count: > 0 }).ToList();
        var ports = slices.SelectMany(slice => slice.Ports ?? []).ToList();
        if (slices.Count == 0 || ports.Any(own => (own.Name ?? "") == (port.Name ?? "") && (own.Protocol ?? "TCP") == PodFacts.Protocol(port))) return null;
        return new Finding(Severity.Problem, "slice-port-name", service.About,
            $"its port {port.Port} (name \"{port.Name ?? ""}\", {PodFacts.Protocol(port)}) is served by no port of its endpoints",
            $"the endpoints' ports are {string.Join(", ", ports.Select(own => $"{own.Port} (name \"{own.Name ?? ""}\", {own.Protocol ?? "TCP"})"))}; names must be equal",
            $"kubectl -n {service.Namespace} edit endpointslices {string.Join(' ', slices.Select(slice => slice.Metadata.Name))}");
    }
}
