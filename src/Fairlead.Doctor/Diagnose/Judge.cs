using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Diagnose;

/// <summary>From a snapshot to what is wrong. Pure: no clock, no network, no kernel.</summary>
internal static class Judge
{
    private const string NoNodes = "DNS, kernel tables and connections were not looked at: no node of this cluster is on this machine (or the doctor does not run as root)";

    internal static Diagnosis Service(ServiceCase service)
    {
        Finding[] findings =
        [
            .. NameCheck.Check(service), .. PortCheck.Check(service), .. SelectorCheck.Check(service), .. ReadinessCheck.Check(service), .. SliceCheck.Check(service),
            .. NodeCheck.Check(service), .. ListenCheck.Check(service), .. PolicyCheck.Check(service), .. BalancerCheck.Check(service), .. OutsideCheck.Check(service),
        ];
        var summary = service.IsExternalName ? $"alias of {service.Service.Spec.ExternalName}" : $"{service.Type} {(service.IsHeadless ? "headless" : service.Service.Spec?.ClusterIP)}";
        return new Diagnosis(service.About, service.Namespace, summary, [.. ServicePath.Of(service)], Order(findings), NotLooked(service.Seen));
    }

    internal static Diagnosis Ingress(IngressCase ingress)
    {
        Finding[] findings = [.. IngressCheck.Check(ingress), .. ingress.Backends.SelectMany(backend => Service(backend).Findings).Distinct()];
        return new Diagnosis(ingress.About, ingress.Namespace, string.Join(", ", RouteChoice.Hosts(ingress.Ingress)), [.. IngressPath.Of(ingress)], Order(findings), NotLooked(ingress.Seen));
    }

    internal static Diagnosis Pod(PodCase pod) =>
        new(pod.About, pod.Namespace, $"{pod.Pod.Status?.PodIP} on {pod.Pod.Spec?.NodeName}", [.. PodCheck.Path(pod)], Order([.. PodCheck.Check(pod)]), NotLooked(pod.Seen));

    /// <summary>What breaks most stands first; within that, the order of a request's way.</summary>
    private static Finding[] Order(Finding[] findings) => [.. findings.Distinct().OrderBy(finding => finding.Severity)];

    private static string[] NotLooked(Observations seen) => seen.HasNodes ? [] : [NoNodes];
}
