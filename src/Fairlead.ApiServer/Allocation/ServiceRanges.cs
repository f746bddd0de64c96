using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Allocation;

/// <summary>
/// Where cluster IPs may come from: the server's own range, and those of ServiceCIDR objects from their creation until they are
/// deleted (Kubernetes documentation: "Extend Service IP Ranges").
/// </summary>
/// <param name="own">One, or one of each family, that of Services which ask for none first.</param>
internal sealed class ServiceRanges(IReadOnlyList<AddressRange> own)
{
    private readonly Lock _lock = new();
    private ImmutableSortedDictionary<string, ImmutableArray<AddressRange>> _byObject = ImmutableSortedDictionary.Create<string, ImmutableArray<AddressRange>>(StringComparer.Ordinal);

    /// <summary>Address families that Services may have, the default first: IPv4, IPv6.</summary>
    public IReadOnlyList<string> Families { get; } = [.. own.Select(FamilyOf)];

    /// <summary>The server's own first.</summary>
    public IEnumerable<AddressRange> All => own.Concat(_byObject.Values.SelectMany(ranges => ranges).Where(range => !own.Any(one => one.ToString() == range.ToString())));

    public IEnumerable<AddressRange> Of(string family) => All.Where(range => FamilyOf(range) == family);

    public bool Contains(IPAddress address) => All.Any(range => range.Contains(address));

    /// <summary>Follows a committed change of a ServiceCIDR; null: it is gone.</summary>
    public void Observe(string name, JsonObject? now)
    {
        lock (_lock) _byObject = now is null || now.Text("metadata", "deletionTimestamp") is not null ? _byObject.Remove(name) : _byObject.SetItem(name, RangesOf(now));
    }

    /// <summary>What an object's spec names, as far as addresses can be given out of it.</summary>
    public static ImmutableArray<AddressRange> RangesOf(JsonObject cidr) =>
        [.. cidr.Texts("spec", "cidrs").Select(text => IPNetwork.TryParse(text, out var network) ? network : default).Where(AddressRange.IsUsable).Select(network => new AddressRange(network))];

    private static string FamilyOf(AddressRange range) => range.IsIPv6 ? IpFamily.IPv6 : IpFamily.IPv4;

    public override string ToString() => string.Join(", ", All);
}
