using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Diagnose;

/// <summary>The way of a request to an Ingress.</summary>
internal static class IngressPath
{
    internal static IEnumerable<PathStep> Of(IngressCase ingress)
    {
        yield return new PathStep("objects", $"{PodFacts.Count(ingress.All.Count, "ingress object")}, {PodFacts.Count(ingress.Backends.Count, "backend service")}", ingress.ReadTook);
        yield return new PathStep("class", IngressCheck.ClassName(ingress.Ingress, ingress.Classes) ?? "none");
        yield return new PathStep("address", PodFacts.Names((ingress.Ingress.Status?.LoadBalancer?.Ingress ?? []).Select(address => address.Ip ?? address.Hostname)) is { Length: > 0 } text ? text : "none");
        foreach (var rule in ingress.Ingress.Spec?.Rules ?? [])
        {
            foreach (var path in rule.Http?.Paths ?? [])
                yield return new PathStep("route", $"{(string.IsNullOrEmpty(rule.Host) ? "*" : rule.Host)}{path.Path ?? "/"} ({path.PathType}) → svc/{path.Backend?.Service?.Name}");
        }
        foreach (var tls in ingress.Ingress.Spec?.Tls ?? []) yield return new PathStep("tls", $"{string.Join(", ", tls.Hosts ?? [])} by secret {tls.SecretName}");
        foreach (var backend in ingress.Backends) yield return new PathStep("backend", $"{backend.About}: {SliceCheck.Words(backend)}");
        foreach (var seen in ingress.Seen.Requests) yield return new PathStep("request", $"{seen.From}: {seen.Url} for {seen.Host} → {(seen.Status is { } status ? status : seen.Failure)}", seen.Took);
    }
}
