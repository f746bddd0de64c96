using System.Globalization;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What the endpoint controllers need of a Service.</summary>
internal sealed record ServiceItem(ObjectKey Key, ObjectMeta Meta, ValueMap Labels, ValueMap Selector) : ICached
{
    public ValueList<ServicePortItem> Ports { get; init; } = [];
    public bool PublishNotReady { get; init; }
    public bool IsHeadless { get; init; }
    public bool IsExternalName { get; init; }
    /// <summary>Address families wanted: IPv4, IPv6 or both, the primary one first.</summary>
    public ValueList<string> Families { get; init; } = [];
    /// <summary>spec.trafficDistribution, empty if unset.</summary>
    public string TrafficDistribution { get; init; } = "";

    /// <summary>The endpoint controllers answer for this service: it has a selector and is not a mere alias.</summary>
    public bool SelectsPods => Selector.Count > 0 && !IsExternalName;

    public static ServiceItem From(V1Service service) => new(
        ObjectKey.Of(service), ObjectMeta.From(service.Metadata), ValueMap.From(service.Metadata.Labels), ValueMap.From(service.Spec.Selector))
    {
        Ports = [.. (service.Spec.Ports ?? []).Select(ServicePortItem.From)],
        PublishNotReady = service.Spec.PublishNotReadyAddresses == true,
        IsHeadless = service.Spec.ClusterIP == "None",
        IsExternalName = service.Spec.Type == "ExternalName",
        Families = ReadFamilies(service.Spec),
        TrafficDistribution = service.Spec.TrafficDistribution ?? "",
    };

    private static ValueList<string> ReadFamilies(V1ServiceSpec spec)
    {
        if (spec.IpFamilies is { Count: > 0 } families) return [.. families];
        return spec.ClusterIP?.Contains(':', StringComparison.Ordinal) == true ? ["IPv6"] : ["IPv4"];
    }
}

/// <summary>A service port. The target is a number, or the name of a port that each pod resolves for itself.</summary>
internal sealed record ServicePortItem(string Name, string Protocol, int Port, int TargetNumber, string TargetName, string AppProtocol)
{
    public static ServicePortItem From(V1ServicePort port)
    {
        var target = port.TargetPort?.Value ?? "";
        var isNumber = int.TryParse(target, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        if (target.Length == 0 || (isNumber && number == 0)) (isNumber, number) = (true, port.Port);
        return new(port.Name ?? "", port.Protocol ?? "TCP", port.Port, isNumber ? number : 0, isNumber ? "" : target, port.AppProtocol ?? "");
    }

    /// <summary>The pod's port number behind this service port, or 0 where the pod has no port of that name and protocol.</summary>
    public int Resolve(PodItem pod)
    {
        if (TargetName.Length == 0) return TargetNumber;
        foreach (var port in pod.Ports.AsSpan())
        {
            if (port.Name == TargetName && port.Protocol == Protocol) return port.Port;
        }
        return 0;
    }
}
