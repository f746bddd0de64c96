using Fairlead.Node.Registration;
using k8s.Models;

namespace Fairlead.Node.Environment;

/// <summary>Requests and limits that containers are told (Kubernetes documentation: "Downward API", resourceFieldRef).</summary>
internal static class ResourceFields
{
    /// <summary>The amount in units of the divisor, rounded up; a limit that is not set is what the node has. Null for an unknown resource.</summary>
    public static long? Read(V1Pod pod, V1Container self, V1ResourceFieldSelector selector)
    {
        var container = selector.ContainerName is { Length: > 0 } name
            ? pod.Spec.Containers.Concat(pod.Spec.InitContainers ?? []).FirstOrDefault(other => other.Name == name) ?? self
            : self;
        if (selector.Resource.Split('.', 2) is not [var kind and ("limits" or "requests"), var resource]) return null;
        var set = kind == "limits" ? container.Resources?.Limits : container.Resources?.Requests;
        var amount = set is not null && set.TryGetValue(resource, out var quantity) ? quantity.ToDecimal() : kind == "limits" ? OfNode(resource) : 0;
        var divisor = selector.Divisor is { } given && given.ToDecimal() > 0 ? given.ToDecimal() : 1;
        return (long)Math.Ceiling(amount / divisor);
    }

    private static decimal OfNode(string resource) => resource switch
    {
        "cpu" => System.Environment.ProcessorCount,
        "memory" => MachineFacts.MemoryBytes(),
        _ => 0,
    };
}
