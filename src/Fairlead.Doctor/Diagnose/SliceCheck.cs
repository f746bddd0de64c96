using System.Globalization;
using Fairlead.Doctor.Snapshot;
using k8s.Models;

namespace Fairlead.Doctor.Diagnose;

/// <summary>The slices against the pods: who is missing, who should not be there any more.</summary>
internal static class SliceCheck
{
    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        if (service.IsExternalName) yield break;
        if (!service.HasSelector)
        {
            if (service.Slices.Any(slice => slice.Endpoints is { Count: > 0 }) && !Ready(service).Any())
            {
                yield return new Finding(Severity.Problem, "no-ready-endpoint", service.About, "none of its endpoints is ready", "every endpoint of its slices has conditions.ready false",
                    $"kubectl -n {service.Namespace} get endpointslices -l kubernetes.io/service-name={service.Name} -o yaml");
            }
            yield break;
        }
        var there = Ready(service).Select(item => item.Endpoint.Addresses?.FirstOrDefault()).ToHashSet();
        var missing = service.Selected.Where(pod => PodFacts.IsReady(pod) && PodFacts.Addresses(pod) is { Count: > 0 } own && !own.Any(address => there.Contains(address.ToString()))
            && service.Ports.Any(port => PodFacts.TargetNumber(port, pod) is not null)).ToList();
        if (missing.Count > 0)
        {
            yield return new Finding(Severity.Problem, "slice-misses-pod", service.About,
                $"{PodFacts.Names(missing.Select(pod => $"pod/{pod.Metadata.Name}"))} {(missing.Count == 1 ? "is" : "are")} ready and selected, but not in its EndpointSlices",
                service.Slices.Count == 0 ? "it has no EndpointSlice at all: the endpoint slice controller does not run, or has just not come to it" : $"looked at {PodFacts.Names(service.Slices.Select(slice => slice.Metadata.Name))}",
                "look at the logs of the controllers, and ask again in a second");
        }
        var own = service.Selected.SelectMany(PodFacts.Addresses).Select(address => address.ToString()).ToHashSet();
        // Seldom not of a selected pod; then all pods are asked.
        var stale = Ready(service).Where(item => item.Endpoint.Addresses is [string address, ..] && !own.Contains(address)
            && !service.Pods.Any(pod => PodFacts.Addresses(pod).Any(known => known.ToString() == address))).ToList();
        if (stale.Count > 0)
        {
            yield return new Finding(Severity.Warning, "slice-stale", service.About,
                $"{PodFacts.Names(stale.Select(item => item.Endpoint.Addresses[0]))} {(stale.Count == 1 ? "is an endpoint" : "are endpoints")} of it, but no pod has such an address",
                $"in {PodFacts.Names(stale.Select(item => item.Slice.Metadata.Name).Distinct())}", $"kubectl -n {service.Namespace} delete endpointslice {stale[0].Slice.Metadata.Name}");
        }
    }

    /// <summary>Endpoints that take new connections; an absent condition means ready.</summary>
    internal static IEnumerable<(V1EndpointSlice Slice, V1Endpoint Endpoint)> Ready(ServiceCase service) =>
        service.Slices.SelectMany(slice => (slice.Endpoints ?? []).Where(endpoint => endpoint.Conditions?.Ready != false).Select(endpoint => (slice, endpoint)));

    /// <summary>What the slices hold, for the path: <c>10.244.0.2:8080, 10.244.0.3:8080 (not ready)</c>.</summary>
    internal static string Words(ServiceCase service)
    {
        var words = service.Slices.SelectMany(slice => (slice.Endpoints ?? []).Select(endpoint =>
        {
            var ports = string.Join('+', (slice.Ports ?? []).Select(port => port.Port?.ToString(CultureInfo.InvariantCulture) ?? "?"));
            return $"{endpoint.Addresses?.FirstOrDefault()}:{ports}{(endpoint.Conditions?.Ready == false ? " (not ready)" : "")}";
        })).Order(StringComparer.Ordinal).ToList();
        return words.Count == 0 ? "no endpoint" : PodFacts.Names(words, 5);
    }
}
