using System.Net;
using Fairlead.Dns.Wire;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Dns.Zone;

internal enum ServiceForm
{
    /// <summary>Has cluster addresses.</summary>
    ClusterIP,

    /// <summary>clusterIP: None; its endpoints are its addresses.</summary>
    Headless,

    /// <summary>An alias for a name elsewhere.</summary>
    ExternalName,
}

/// <summary>A port of a service or of a slice.</summary>
/// <param name="Name">Empty for the only port.</param>
/// <param name="Protocol">In lower case, as SRV names have it: tcp, udp, sctp.</param>
internal readonly record struct NamedPort(string Name, string Protocol, ushort Port)
{
    /// <summary>The usual names once, however many services have them.</summary>
    internal static string Shared(string? name) => name switch
    {
        null => "",
        "http" => "http",
        "https" => "https",
        "grpc" => "grpc",
        "metrics" => "metrics",
        _ => name,
    };

    internal static string ProtocolName(string? protocol) => protocol switch
    {
        "UDP" => "udp",
        "SCTP" => "sctp",
        _ => "tcp",
    };
}

/// <summary>What the zone keeps of a Service.</summary>
internal sealed record ServiceInfo
{
    public required ServiceForm Form { get; init; }

    public EquatableArray<IPAddress> Addresses { get; init; }

    /// <summary>Only where the service's own ports are in records: cluster addresses.</summary>
    public EquatableArray<NamedPort> Ports { get; init; }

    /// <summary>The name that this one stands for; empty but for <see cref="ServiceForm.ExternalName"/>.</summary>
    public string ExternalName { get; init; } = "";

    public bool PublishNotReady { get; init; }

    /// <summary>The service, or null when no record is due.</summary>
    internal static ServiceInfo? From(V1Service service)
    {
        V1ServiceSpec? spec = service.Spec;
        if (spec is null)
        {
            return null;
        }
        if (spec.Type == "ExternalName")
        {
            return DnsName.Parse(spec.ExternalName ?? "") is { Length: > 1 }
                ? new ServiceInfo { Form = ServiceForm.ExternalName, ExternalName = spec.ExternalName! }
                : null;
        }
        if (spec.ClusterIP == "None")
        {
            return new ServiceInfo { Form = ServiceForm.Headless, PublishNotReady = spec.PublishNotReadyAddresses ?? false };
        }
        IPAddress[] addresses = [.. ClusterAddresses(spec)];
        return addresses.Length == 0 ? null : new ServiceInfo
        {
            Form = ServiceForm.ClusterIP,
            Addresses = new(addresses),
            Ports = new((spec.Ports ?? []).Select(port => new NamedPort(NamedPort.Shared(port.Name), NamedPort.ProtocolName(port.Protocol), (ushort)port.Port))),
        };
    }

    private static IEnumerable<IPAddress> ClusterAddresses(V1ServiceSpec spec)
    {
        foreach (string text in spec.ClusterIPs is { Count: > 0 } all ? all : [spec.ClusterIP ?? ""])
        {
            if (IPAddress.TryParse(text, out IPAddress? address))
            {
                yield return address;
            }
        }
    }
}
