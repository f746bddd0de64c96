using System.Net;
using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Diagnose;

/// <summary>What clients outside the cluster meet: load balancers' addresses with their source ranges, and node ports.</summary>
internal static class OutsideCheck
{
    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        if (Ranges(service) is { Count: > 0 } ranges)
        {
            yield return new Finding(Severity.Hint, "source-ranges", service.About, $"its load balancer takes clients from {string.Join(", ", ranges)} only; others hang", $"spec.loadBalancerSourceRanges{Tried(service)}",
                $"kubectl -n {service.Namespace} patch service {service.Name} --type merge -p '{{\"spec\":{{\"loadBalancerSourceRanges\":null}}}}'");
        }
        // Without an endpoint, or with endpoints that fail, nothing can answer; that is told elsewhere.
        if (!SliceCheck.Ready(service).Any() || service.Seen.Connects.Any(connect => connect is { IsEndpoint: true, Outcome: not ConnectOutcome.Connected })) yield break;
        var with = SliceCheck.Ready(service).Select(item => item.Endpoint.NodeName).OfType<string>().ToHashSet();
        foreach (var seen in service.Seen.Outside)
        {
            if ((seen.Node is null ? Balancer(service, seen) : NodePort(service, seen, with)) is { } finding) yield return finding;
        }
    }

    /// <summary>Whether the source ranges let this machine in; null when it is not known by which address it comes.</summary>
    internal static bool? IsLetIn(ServiceCase service, OutsideSeen seen) =>
        Ranges(service) is not { Count: > 0 } ranges ? true : seen.Source is { } source ? ranges.Any(text => IPNetwork.TryParse(text, out var range) && range.Contains(source)) : null;

    private static IList<string>? Ranges(ServiceCase service) => service.Type == "LoadBalancer" ? service.Service.Spec.LoadBalancerSourceRanges : null;

    /// <summary>What this machine met at the address, as evidence for the ranges.</summary>
    private static string Tried(ServiceCase service) =>
        service.Seen.Outside.FirstOrDefault(seen => seen.Node is null) is { Source: { } source } seen && IsLetIn(service, seen) is { } isIn
            ? $"; {seen.To} {ListenCheck.Words(seen.Outcome)} to this machine, {source}, which is {(isIn ? "in" : "not in")} them" : "";

    private static Finding? Balancer(ServiceCase service, OutsideSeen seen) => (IsLetIn(service, seen), seen.Outcome) switch
    {
        (true, not ConnectOutcome.Connected) => new Finding(Severity.Problem, "balancer-fails", service.About, $"its load balancer's address {seen.To} {ListenCheck.Words(seen.Outcome)}, though its endpoints can be reached",
            $"connected to from this machine, {seen.Source?.ToString() ?? "which has no way there"}", $"kubectl -n {service.Namespace} describe service {service.Name}, for the node that announces it; then the findings about the nodes' kernel"),
        (false, ConnectOutcome.Connected) => new Finding(Severity.Problem, "source-ranges-open", service.About, $"its load balancer's address {seen.To} lets {seen.Source} in, which is in none of its source ranges",
            $"connected to from this machine; spec.loadBalancerSourceRanges has {string.Join(", ", Ranges(service)!)}", "look at the findings about the nodes' kernel; a load balancer of somebody else's may not know source ranges"),
        _ => null,
    };

    private static Finding? NodePort(ServiceCase service, OutsideSeen seen, HashSet<string> with) =>
        seen.Outcome == ConnectOutcome.Connected || service.Service.Spec.ExternalTrafficPolicy == "Local" && !with.Contains(seen.Node!) ? null
            : new Finding(Severity.Problem, "node-port-fails", service.About, $"its port {seen.To} of {seen.Node} {ListenCheck.Words(seen.Outcome)}, though its endpoints can be reached",
                $"connected to from this machine, {seen.Source?.ToString() ?? "which has no way there"}", "look at the findings about the nodes and their kernel, and for a firewall on the way");
}
