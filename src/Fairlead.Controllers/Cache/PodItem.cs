using System.Globalization;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What the controllers need of a Pod.</summary>
internal sealed record PodItem(ObjectKey Key, ObjectMeta Meta) : ILabelled
{
    public ValueMap Labels { get; init; } = ValueMap.Empty;
    public string NodeName { get; init; } = "";
    /// <summary>Pending, Running, Succeeded, Failed or Unknown.</summary>
    public string Phase { get; init; } = "Pending";
    /// <summary>status.podIPs, the primary one first; empty until the node has given one.</summary>
    public ValueList<string> Addresses { get; init; } = [];
    public string Hostname { get; init; } = "";
    public string Subdomain { get; init; } = "";
    public bool IsReady { get; init; }
    /// <summary>When the Ready condition last changed.</summary>
    public DateTime? ReadyChanged { get; init; }
    /// <summary>The moment of it, where the node has told it (<see cref="PodAnnotations.ReadinessVerdict"/>).</summary>
    public DateTime? ReadyMoment { get; init; }
    /// <summary>Message of the condition PodScheduled while it is False, else empty.</summary>
    public string UnschedulableMessage { get; init; } = "";
    /// <summary>The restart count of the container that restarted most.</summary>
    public int Restarts { get; init; }
    /// <summary>Annotation controller.kubernetes.io/pod-deletion-cost: cheaper pods go first.</summary>
    public int DeletionCost { get; init; }
    public ValueList<PodPort> Ports { get; init; } = [];
    public required PodDemand Demand { get; init; }

    public bool IsTerminal => Phase is "Succeeded" or "Failed";

    /// <summary>Counts as a replica: neither finished nor on its way out.</summary>
    public bool IsActive => !IsTerminal && !Meta.IsDeleting;

    public static PodItem From(V1Pod pod)
    {
        var ready = pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "Ready");
        var scheduled = pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "PodScheduled");
        return new PodItem(ObjectKey.Of(pod), ObjectMeta.From(pod.Metadata))
        {
            Labels = ValueMap.From(pod.Metadata.Labels),
            NodeName = pod.Spec.NodeName ?? "",
            Phase = pod.Status?.Phase ?? "Pending",
            Addresses = ReadAddresses(pod.Status),
            Hostname = pod.Spec.Hostname ?? "",
            Subdomain = pod.Spec.Subdomain ?? "",
            IsReady = ready?.Status == "True",
            ReadyChanged = ready?.LastTransitionTime,
            ReadyMoment = ReadMoment(pod.Metadata.Annotations, ready?.LastTransitionTime),
            UnschedulableMessage = scheduled?.Status == "False" ? scheduled.Message ?? "" : "",
            Restarts = pod.Status?.ContainerStatuses is { Count: > 0 } containers ? containers.Max(c => c.RestartCount) : 0,
            DeletionCost = ReadDeletionCost(pod.Metadata.Annotations),
            Ports = ReadPorts(pod.Spec),
            Demand = PodDemand.From(pod.Spec),
        };
    }

    private static ValueList<string> ReadAddresses(V1PodStatus? status)
    {
        if (status?.PodIPs is { Count: > 0 } ips) return [.. ips.Select(ip => ip.Ip)];
        return string.IsNullOrEmpty(status?.PodIP) ? [] : [status.PodIP];
    }

    private static DateTime? ReadMoment(IDictionary<string, string>? annotations, DateTime? changed) =>
        annotations?.TryGetValue(PodAnnotations.ReadinessVerdict, out var text) == true
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out var moment) && Timestamps.Whole(moment) == changed ? moment.UtcDateTime : null;

    private static int ReadDeletionCost(IDictionary<string, string>? annotations) =>
        annotations?.TryGetValue("controller.kubernetes.io/pod-deletion-cost", out var text) == true
        && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var cost) ? cost : 0;

    /// <summary>Ports of containers that run as long as the pod: sidecars (init containers that restart) count too.</summary>
    private static ValueList<PodPort> ReadPorts(V1PodSpec spec)
    {
        var lasting = (spec.Containers ?? []).Concat((spec.InitContainers ?? []).Where(container => container.RestartPolicy == "Always"));
        return [.. lasting.SelectMany(container => container.Ports ?? []).Select(PodPort.From)];
    }
}

/// <summary>A container port; HostPort is 0 where the node's port is not asked for.</summary>
internal sealed record PodPort(string Name, int Port, string Protocol, int HostPort, string HostIp)
{
    public static PodPort From(V1ContainerPort port) =>
        new(port.Name ?? "", port.ContainerPort, port.Protocol ?? "TCP", port.HostPort ?? 0, port.HostIP ?? "");
}
