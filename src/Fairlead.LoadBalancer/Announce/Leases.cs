using System.Net;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>
/// What is kept of the announcers' Leases. There are two kinds: one a node, renewed while it works, and one an address, which
/// names the node that answers for it and is written only when that changes. An address's Lease is worth what its
/// holder's is, so a node with a hundred addresses renews one object.
/// </summary>
/// <param name="Address">Null: it is a node's.</param>
internal sealed record LeaseItem(ObjectKey Key, string Uid, string Version, string Holder, string? Address, DateTime? Renewed)
{
    public const string Label = "fairlead.io/load-balancer";
    private const string AddressAnnotation = "fairlead.io/address";

    public static LeaseItem? From(V1Lease lease) => lease.Spec?.HolderIdentity is { Length: > 0 } holder
        ? new LeaseItem(
            ObjectKey.Of(lease), lease.Metadata.Uid, lease.Metadata.ResourceVersion, holder,
            lease.Metadata.Annotations?.TryGetValue(AddressAnnotation, out var address) == true ? address : null, lease.Spec.RenewTime)
        : null;

    public static ObjectKey NodeKey(string ns, string node) => new(ns, $"fairlead-lb-node-{node}");

    /// <summary>An IPv6 address in 32 digits: as it is written it may end with what no name may end with.</summary>
    public static ObjectKey AddressKey(string ns, string address) =>
        new(ns, $"fairlead-lb-address-{(address.Contains(':', StringComparison.Ordinal) ? Convert.ToHexStringLower(IPAddress.Parse(address).GetAddressBytes()) : address.Replace('.', '-'))}");

    public static V1Lease New(ObjectKey key, string holder, string? address, DateTime now) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = key.Name,
            NamespaceProperty = key.Namespace,
            Labels = new Dictionary<string, string> { [Label] = address is null ? "node" : "address" },
            Annotations = address is null ? null : new Dictionary<string, string> { [AddressAnnotation] = address },
        },
        Spec = new V1LeaseSpec
        {
            HolderIdentity = holder,
            AcquireTime = now,
            RenewTime = now,
            LeaseDurationSeconds = (int)NodeLeases.Duration.TotalSeconds,
        },
    };
}
