using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Node.Environment;

/// <summary>A port of a service as variables tell it.</summary>
internal sealed record ServiceVariablePort(string? Name, int Port, string Protocol);

/// <summary>What variables tell of a service that has a cluster IP.</summary>
internal sealed record ServiceFacts(ObjectKey Key, string ClusterIp, ImmutableArray<ServiceVariablePort> Ports)
{
    /// <summary>Null for a headless or external-name service, of which there are no variables.</summary>
    public static ServiceFacts? Of(V1Service service) => service.Spec?.ClusterIP is { Length: > 0 } address && address != "None"
        ? new ServiceFacts(ObjectKey.Of(service), address, [.. (service.Spec.Ports ?? []).Select(port => new ServiceVariablePort(port.Name, port.Port, port.Protocol ?? "TCP"))])
        : null;

    public bool Equals(ServiceFacts? other) =>
        other is not null && Key == other.Key && ClusterIp == other.ClusterIp && Ports.AsSpan().SequenceEqual(other.Ports.AsSpan());

    public override int GetHashCode() => HashCode.Combine(Key, ClusterIp, Ports.Length);
}

/// <summary>
/// The variables by which a container finds the services that were there before it (Kubernetes documentation: "Service",
/// "Environment variables"; the second family of names is Docker's links).
/// </summary>
internal static class ServiceVariables
{
    /// <param name="enabled">enableServiceLinks; the API server's own service is told in any case.</param>
    public static IEnumerable<KeyValuePair<string, string>> Of(IEnumerable<ServiceFacts> services, string ns, bool enabled)
    {
        var chosen = new SortedDictionary<string, ServiceFacts>(StringComparer.Ordinal);
        foreach (var service in services)
        {
            var isApiServer = service.Key is { Namespace: "default", Name: "kubernetes" };
            if (enabled && service.Key.Namespace == ns) chosen[service.Key.Name] = service;
            else if (isApiServer) chosen.TryAdd(service.Key.Name, service);
        }
        return chosen.Values.SelectMany(Of);
    }

    private static IEnumerable<KeyValuePair<string, string>> Of(ServiceFacts service)
    {
        if (service.Ports.IsEmpty) yield break;
        var prefix = Upper(service.Key.Name);
        var first = service.Ports[0];
        yield return new($"{prefix}_SERVICE_HOST", service.ClusterIp);
        yield return new($"{prefix}_SERVICE_PORT", Text(first.Port));
        foreach (var port in service.Ports.Where(port => !string.IsNullOrEmpty(port.Name)))
            yield return new($"{prefix}_SERVICE_PORT_{Upper(port.Name!)}", Text(port.Port));
        yield return new($"{prefix}_PORT", Url(service, first));
        foreach (var port in service.Ports)
        {
            var link = $"{prefix}_PORT_{Text(port.Port)}_{port.Protocol.ToUpperInvariant()}";
            yield return new(link, Url(service, port));
            yield return new($"{link}_PROTO", port.Protocol.ToLowerInvariant());
            yield return new($"{link}_PORT", Text(port.Port));
            yield return new($"{link}_ADDR", service.ClusterIp);
        }
    }

    private static string Url(ServiceFacts service, ServiceVariablePort port)
    {
        var host = service.ClusterIp.Contains(':') ? $"[{service.ClusterIp}]" : service.ClusterIp;
        return $"{port.Protocol.ToLowerInvariant()}://{host}:{Text(port.Port)}";
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Upper(string name) => name.ToUpperInvariant().Replace('-', '_');
}
