using System.Net;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.LoadBalancer.Bgp;

/// <summary>What is kept of a slice.</summary>
/// <param name="Any">It has a ready endpoint, wherever.</param>
/// <param name="Here">It has one on this node.</param>
internal sealed record ReadyEndpoints(ObjectKey Service, bool Any, bool Here)
{
    public static ReadyEndpoints? Of(V1EndpointSlice slice, string node)
    {
        if (slice.Metadata.Labels?.TryGetValue("kubernetes.io/service-name", out var name) != true) return null;
        var ready = (slice.Endpoints ?? []).Where(endpoint => endpoint.Conditions?.Ready != false).ToList();
        return new ReadyEndpoints(new ObjectKey(slice.Metadata.NamespaceProperty, name!), ready.Count > 0, ready.Any(endpoint => endpoint.NodeName == node));
    }
}

/// <summary>
/// Which addresses a node announces by BGP. Pure. Unlike in layer 2 mode several nodes announce one address, and the routers choose
/// among them, so nothing has to be agreed: each node decides by what it sees
/// (https://metallb.io/concepts/bgp/, and https://metallb.io/usage/#traffic-policies for the policies).
/// </summary>
internal static class BgpPlan
{
    /// <param name="mayReceive">This node may receive traffic from outside.</param>
    /// <returns>Sorted, and equal when nothing changed.</returns>
    public static EquatableArray<IPAddress> Decide(IEnumerable<BalancedService> services, IEnumerable<ReadyEndpoints> endpoints, bool mayReceive)
    {
        if (!mayReceive) return new([]);
        var ready = endpoints.ToLookup(slice => slice.Service);
        return new(services
            .SelectMany(service => service.Addresses.Select(address => (Address: IPAddress.Parse(address), Service: service)))
            .GroupBy(user => user.Address, user => user.Service)
            .Where(users => IsServed([.. users]))
            .Select(users => users.Key)
            .OrderBy(address => address.ToString(), StringComparer.Ordinal));

        // Of services that share an address, those for nodes with endpoints alone have the same pods, and rule out other nodes for all.
        bool IsServed(List<BalancedService> users) =>
            users.Any(user => ready[user.Key].Any(slice => slice.Any)) && users.Where(user => user.LocalOnly).All(user => ready[user.Key].Any(slice => slice.Here));
    }
}
