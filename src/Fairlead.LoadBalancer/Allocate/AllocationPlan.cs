using System.Net;
using System.Net.Sockets;
using Fairlead.Kube;

namespace Fairlead.LoadBalancer.Allocate;

/// <param name="Addresses">To be written into the status, one a family; none where <paramref name="Failure"/> says why.</param>
internal sealed record AllocationDecision(EquatableArray<string> Addresses, string? Failure);

/// <summary>Which addresses a service gets. Pure.</summary>
internal static class AllocationPlan
{
    /// <param name="others">The other services that have addresses.</param>
    public static AllocationDecision Decide(BalancedService service, IReadOnlyCollection<BalancedService> others, IReadOnlyList<AddressRange> pools)
    {
        if (WrongRequest(service, pools) is { } wrong) return Fail(service, wrong);
        var users = others.SelectMany(other => other.Addresses.Select(address => (Address: address, User: other))).ToLookup(use => use.Address, use => use.User);
        List<string> chosen = [];
        foreach (var family in Families(service, pools))
        {
            if (service.Requested.Select(IPAddress.Parse).FirstOrDefault(address => address.AddressFamily == family)?.ToString() is { } requested)
            {
                if (!users[requested].All(service.SharesWith)) return Fail(service, $"{requested} is already in use by {users[requested].First().Key}");
                chosen.Add(requested);
            }
            else if (Choose(service, users, [.. pools.Where(pool => pool.Family == family)]) is { } free) chosen.Add(free);
            else return Fail(service, service.Families.Count > 1 ? $"no available {NameOf(family)} IPs" : "no available IPs");
        }
        return new(new(chosen), null);
    }

    /// <summary>Where one family is enough for the service, one that no pool has is left out (ipFamilyPolicy: PreferDualStack).</summary>
    private static List<AddressFamily> Families(BalancedService service, IReadOnlyList<AddressRange> pools)
    {
        if (service.NeedsAllFamilies) return [.. service.Families];
        var had = service.Families.Where(family => pools.Any(pool => pool.Family == family)).ToList();
        return had.Count > 0 ? had : [.. service.Families];
    }

    private static string? WrongRequest(BalancedService service, IReadOnlyList<AddressRange> pools)
    {
        HashSet<AddressFamily> asked = [];
        foreach (var text in service.Requested)
        {
            if (!IPAddress.TryParse(text, out var address)) return $"\"{text}\" is not an address";
            if (!service.Families.Contains(address.AddressFamily)) return $"requested loadBalancer IP \"{text}\" does not match the ipFamilies of the service, {string.Join(", ", service.Families.Select(NameOf))}";
            if (!asked.Add(address.AddressFamily)) return $"\"{text}\" is the second {NameOf(address.AddressFamily)} address that is asked for; ask for one of a family";
            if (!pools.Any(pool => pool.Contains(address))) return $"[\"{text}\"] is not allowed in config; the pools are {string.Join(", ", pools)}";
        }
        return null;
    }

    /// <param name="pools">Of one family.</param>
    private static string? Choose(BalancedService service, ILookup<string, BalancedService> users, IReadOnlyList<AddressRange> pools)
    {
        // What it has it keeps, as long as the pools still hold it.
        if (service.Addresses.FirstOrDefault(MayUse) is { } held) return held;
        // Who names a key wants to be with those who name it.
        var together = service.SharingKey is null ? null : users.Select(group => group.Key).Where(MayUse).Order(StringComparer.Ordinal).FirstOrDefault();
        return together ?? pools.SelectMany(pool => pool.All()).Select(address => address.ToString()).FirstOrDefault(address => !users.Contains(address));

        bool MayUse(string address) => users[address].All(service.SharesWith) && pools.Any(pool => pool.Contains(IPAddress.Parse(address)));
    }

    private static string NameOf(AddressFamily family) => family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    private static AllocationDecision Fail(BalancedService service, string why) => new(new([]), $"Failed to allocate IP for \"{service.Key}\": {why}");
}
