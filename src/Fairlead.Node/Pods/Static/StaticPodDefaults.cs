using k8s.Models;

namespace Fairlead.Node.Pods.Static;

/// <summary>What the API server would have filled in (Kubernetes API reference: "Pod"), for a pod that does not come from there.</summary>
internal static class StaticPodDefaults
{
    public static void Apply(V1PodSpec spec)
    {
        spec.RestartPolicy ??= "Always";
        spec.TerminationGracePeriodSeconds ??= 30;
        spec.DnsPolicy ??= "ClusterFirst";
        spec.SecurityContext ??= new V1PodSecurityContext();
        spec.SchedulerName ??= "default-scheduler";
        spec.EnableServiceLinks ??= true;
        foreach (var container in spec.Containers.Concat(spec.InitContainers ?? [])) Apply(container, spec.HostNetwork == true);
    }

    private static void Apply(V1Container container, bool hostNetwork)
    {
        container.ImagePullPolicy ??= Images.ImageReference.TryParse(container.Image ?? "") is { Tag: "latest", Digest: null } ? "Always" : "IfNotPresent";
        container.TerminationMessagePath ??= "/dev/termination-log";
        container.TerminationMessagePolicy ??= "File";
        foreach (var port in container.Ports ?? [])
        {
            port.Protocol ??= "TCP";
            if (hostNetwork) port.HostPort ??= port.ContainerPort;
        }
        if (container.Resources?.Limits is { } limits)
        {
            container.Resources.Requests ??= new Dictionary<string, ResourceQuantity>();
            foreach (var (name, amount) in limits) container.Resources.Requests.TryAdd(name, amount);
        }
        foreach (var probe in (V1Probe?[])[container.LivenessProbe, container.ReadinessProbe, container.StartupProbe])
        {
            if (probe is not null) Apply(probe);
        }
    }

    private static void Apply(V1Probe probe)
    {
        probe.TimeoutSeconds ??= 1;
        probe.PeriodSeconds ??= 10;
        probe.SuccessThreshold ??= 1;
        probe.FailureThreshold ??= 3;
        if (probe.HttpGet is not { } get) return;
        get.Path ??= "/";
        get.Scheme ??= "HTTP";
    }
}
