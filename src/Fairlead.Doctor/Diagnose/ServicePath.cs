using System.Globalization;
using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Diagnose;

/// <summary>The way of a request to a service, step by step, with what each took.</summary>
internal static class ServicePath
{
    internal static IEnumerable<PathStep> Of(ServiceCase service)
    {
        yield return new PathStep("objects", $"{PodFacts.Count(service.Pods.Count, "pod")} of the namespace, {PodFacts.Count(service.Slices.Count, "slice")}, {PodFacts.Count(service.Nodes.Count, "node")}", service.ReadTook);
        foreach (var seen in service.Seen.Dns.Where(seen => seen.IsService)) yield return Name(seen);
        if (service.IsExternalName) yield break;
        foreach (var port in service.Ports)
        {
            var node = port.NodePort is > 0 ? string.Create(CultureInfo.InvariantCulture, $", node port {port.NodePort}") : "";
            yield return new PathStep("port", $"{(port.Name is null ? "" : port.Name + " ")}{port.Port}/{PodFacts.Protocol(port)} → {(port.TargetPort?.Value is { Length: > 0 } target ? target : port.Port.ToString(CultureInfo.InvariantCulture))} of the pods{node}");
        }
        foreach (var step in Policies(service)) yield return step;
        if (service.HasSelector)
        {
            var selector = string.Join(",", service.Service.Spec.Selector.Select(pair => $"{pair.Key}={pair.Value}"));
            yield return new PathStep("pods", $"{selector} takes {PodFacts.Count(service.Selected.Count, "pod")}, {service.Selected.Count(PodFacts.IsReady)} ready");
        }
        yield return new PathStep("slices", SliceCheck.Words(service));
        foreach (var kernel in service.Seen.Kernel.Where(kernel => kernel.Failure is null))
        {
            yield return new PathStep("kernel", $"{kernel.Node}: {PodFacts.Count(kernel.Wanted, "element")}, {(kernel.Differences.Count == 0 ? "all as they should be" : PodFacts.Count(kernel.Differences.Count, "difference"))}", kernel.Took);
        }
        foreach (var connect in service.Seen.Connects.OrderBy(connect => connect.IsEndpoint))
        {
            yield return new PathStep("connect", $"{connect.Node} → {connect.To} {ListenCheck.Words(connect.Outcome)}", connect.Took);
        }
        foreach (var seen in service.Seen.Outside)
        {
            var where = seen.Node is null ? "the balancer's address" : $"node port of {seen.Node}";
            var barred = seen.Node is null && OutsideCheck.IsLetIn(service, seen) == false ? $", {seen.Source} being in no source range" : "";
            yield return new PathStep("outside", $"this machine → {seen.To}, {where}, {ListenCheck.Words(seen.Outcome)}{barred}", seen.Took);
        }
        foreach (var health in service.Seen.HealthPorts.Where(health => health.Status is not null)) yield return new PathStep("health", string.Create(CultureInfo.InvariantCulture, $"{health.Url} answers {health.Status}"), health.Took);
    }

    internal static PathStep Name(DnsSeen seen)
    {
        var answer = seen.Answer.Outcome switch
        {
            DnsOutcome.Answered => (seen.Answer.Alias is { } alias ? $"{alias} " : "") + PodFacts.Names(seen.Answer.Addresses.Select(address => address.ToString())),
            DnsOutcome.Silent => "no answer",
            DnsOutcome.NoData => seen.Answer.Alias ?? "no address",
            _ => seen.Answer.Code,
        };
        return new PathStep("name", $"{seen.Node}: {seen.Answer.Name} → {answer.TrimEnd()}", seen.Answer.Took);
    }

    private static IEnumerable<PathStep> Policies(ServiceCase service)
    {
        var spec = service.Service.Spec;
        if (spec.InternalTrafficPolicy == "Local") yield return new PathStep("policy", "inside, a node uses its own endpoints only");
        if (spec.ExternalTrafficPolicy == "Local") yield return new PathStep("policy", "from outside, a node uses its own endpoints only and keeps the client's address");
        if (spec.SessionAffinity == "ClientIP") yield return new PathStep("affinity", $"a client keeps its pod for {spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds ?? 10800} s");
        if (service.Service.Status?.LoadBalancer?.Ingress is { Count: > 0 } addresses) yield return new PathStep("balancer", PodFacts.Names(addresses.Select(address => address.Ip ?? address.Hostname)));
    }
}
