using System.Net;

namespace Fairlead.LoadBalancer.Allocate;

/// <param name="Address">To be written into the status; null where <paramref name="Failure"/> says why there is none.</param>
internal sealed record AllocationDecision(string? Address, string? Failure);

/// <summary>Which address a service gets. Pure.</summary>
internal static class AllocationPlan
{
    /// <param name="others">The other services that have an address.</param>
    public static AllocationDecision Decide(BalancedService service, IReadOnlyCollection<BalancedService> others, IReadOnlyList<AddressRange> pools)
    {
        var users = others.Where(other => other.Address is not null).ToLookup(other => other.Address!);
        if (service.Requested is { } requested)
        {
            if (!IPAddress.TryParse(requested, out var asked)) return Fail(service, $"\"{requested}\" is not an address");
            if (!pools.Any(pool => pool.Contains(asked))) return Fail(service, $"[\"{requested}\"] is not allowed in config; the pools are {string.Join(", ", pools)}");
            return MayUse(asked.ToString()) ? new(asked.ToString(), null) : Fail(service, $"{requested} is already in use by {users[asked.ToString()].First().Key}");
        }
        // What it has it keeps, as long as the pools still hold it.
        if (service.Address is { } held && MayUse(held) && pools.Any(pool => pool.Contains(IPAddress.Parse(held)))) return new(held, null);
        // Who names a key wants to be with those who name it.
        var together = service.SharingKey is null ? null : users.Select(group => group.Key).Where(address => MayUse(address) && pools.Any(pool => pool.Contains(IPAddress.Parse(address)))).Order(StringComparer.Ordinal).FirstOrDefault();
        var free = together ?? pools.SelectMany(pool => pool.All()).Select(address => address.ToString()).FirstOrDefault(address => !users.Contains(address));
        return free is null ? Fail(service, "no available IPs") : new(free, null);

        bool MayUse(string address) => users[address].All(service.SharesWith);
    }

    private static AllocationDecision Fail(BalancedService service, string why) => new(null, $"Failed to allocate IP for \"{service.Key}\": {why}");
}
