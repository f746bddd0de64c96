using k8s.Models;

namespace Fairlead.Kube.Placement;

/// <summary>An amount of one resource in its own unit: bytes, devices.</summary>
public readonly record struct ResourceAmount(string Name, long Value);

/// <summary>Amounts of what nodes have and pods ask for (Kubernetes documentation: "Resource Management for Pods and Containers").</summary>
/// <param name="MilliCpu">Processor time, thousandths of a core.</param>
/// <param name="Memory">Bytes.</param>
/// <param name="EphemeralStorage">Bytes.</param>
/// <param name="Others">Extended resources and huge pages, by name; those of which there is none are left out.</param>
public sealed record NodeResources(long MilliCpu, long Memory, long EphemeralStorage, EquatableArray<ResourceAmount> Others)
{
    public static readonly NodeResources None = new(0, 0, 0, default);

    /// <summary>Of the resource of that name among <see cref="Others"/>; null: there is none.</summary>
    public long? Other(string name)
    {
        foreach (var other in Others)
        {
            if (other.Name == name) return other.Value;
        }
        return null;
    }

    /// <summary>What a list of amounts says, for example a node's allocatable. Pods, which are counted, are left out.</summary>
    public static NodeResources Of(IDictionary<string, ResourceQuantity>? amounts) => new(
        AmountOf(amounts, "cpu"), AmountOf(amounts, "memory"), AmountOf(amounts, "ephemeral-storage"),
        new([.. (amounts ?? new Dictionary<string, ResourceQuantity>()).Keys.Where(IsOther).Order(StringComparer.Ordinal).Select(name => new ResourceAmount(name, AmountOf(amounts, name)))]));

    /// <summary>
    /// A pod's effective requests: for each resource the sum over containers and sidecars, or the largest init container with the sidecars
    /// started before it if that is more, plus overhead (Kubernetes documentation: "Init Containers", resource sharing); what the pod itself
    /// asks for stands in place of its containers' sum.
    /// </summary>
    public static NodeResources Requested(V1PodSpec spec)
    {
        var others = (spec.Containers ?? []).Concat(spec.InitContainers ?? []).SelectMany(container => container.Resources?.Requests?.Keys ?? [])
            .Where(IsOther).Distinct().Order(StringComparer.Ordinal).Select(name => new ResourceAmount(name, Request(spec, name))).Where(amount => amount.Value > 0);
        return new NodeResources(Request(spec, "cpu"), Request(spec, "memory"), Request(spec, "ephemeral-storage"), new([.. others]));
    }

    /// <summary>In the resource's unit, processor time in thousandths of a core; rounded up, as Kubernetes does.</summary>
    public static long AmountOf(IDictionary<string, ResourceQuantity>? amounts, string resource) =>
        amounts is not null && amounts.TryGetValue(resource, out var quantity) ? (long)Math.Ceiling(quantity.ToDecimal() * (resource == "cpu" ? 1000 : 1)) : 0;

    private static bool IsOther(string name) => name is not ("cpu" or "memory" or "ephemeral-storage" or "pods");

    private static long Request(V1PodSpec spec, string resource)
    {
        var overhead = AmountOf(spec.Overhead, resource);
        if (spec.Resources?.Requests is { } whole && whole.ContainsKey(resource)) return AmountOf(whole, resource) + overhead;
        var running = (spec.Containers ?? []).Sum(container => AmountOf(container.Resources?.Requests, resource));
        long sidecars = 0, peak = 0;
        foreach (var init in spec.InitContainers ?? [])
        {
            var amount = AmountOf(init.Resources?.Requests, resource);
            if (init.RestartPolicy == "Always") sidecars += amount;
            peak = Math.Max(peak, init.RestartPolicy == "Always" ? sidecars : sidecars + amount);
        }
        return Math.Max(running + sidecars, peak) + overhead;
    }
}
