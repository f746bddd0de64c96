using System.Net;

namespace Fairlead.LoadBalancer.Allocate;

/// <param name="Address">To be written into the status; null where <paramref name="Failure"/> says why there is none.</param>
internal sealed record AllocationDecision(string? Address, string? Failure);

/// <summary>Which address a service gets. Pure.</summary>
internal static class AllocationPlan
{
    /// <param name="taken">Addresses of the other services.</param>
    public static AllocationDecision Decide(BalancedService service, IReadOnlySet<string> taken, IReadOnlyList<AddressRange> pools)
    {
        if (service.Requested is { } requested)
        {
            if (!IPAddress.TryParse(requested, out var asked)) return Fail(service, $"\"{requested}\" is not an address");
            if (!pools.Any(pool => pool.Contains(asked))) return Fail(service, $"[\"{requested}\"] is not allowed in config; the pools are {string.Join(", ", pools)}");
            return taken.Contains(asked.ToString()) ? Fail(service, $"{requested} is already in use by another service") : new(asked.ToString(), null);
        }
        // What it has it keeps, as long as the pools still hold it.
        if (service.Address is { } held && !taken.Contains(held) && pools.Any(pool => pool.Contains(IPAddress.Parse(held)))) return new(held, null);
        var free = pools.SelectMany(pool => pool.All()).Select(address => address.ToString()).FirstOrDefault(address => !taken.Contains(address));
        return free is null ? Fail(service, "no available IPs") : new(free, null);
    }

    private static AllocationDecision Fail(BalancedService service, string why) => new(null, $"Failed to allocate IP for \"{service.Key}\": {why}");
}
