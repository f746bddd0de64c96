using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Allocation;

/// <summary>
/// Which Service holds which cluster address and node port. What is held follows from the stored Services
/// (<see cref="Observe"/>); between choosing and storing, a reservation holds it. So a crash can leak nothing.
/// </summary>
internal sealed class ServiceAllocator(AddressRange addresses, int firstNodePort, int lastNodePort)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _addressOwner = [];
    private readonly Dictionary<int, string> _portOwner = [];

    public AddressRange Addresses => addresses;

    public string NodePorts => $"{firstNodePort}-{lastNodePort}";

    /// <summary>Follows a committed change of a Service: takes what it holds now, frees what it held before.</summary>
    public void Observe(string key, JsonObject? old, JsonObject? now)
    {
        lock (_lock)
        {
            var keptAddresses = now is null ? [] : AddressesOf(now).ToHashSet();
            var keptPorts = now is null ? [] : PortsOf(now).ToHashSet();
            foreach (var address in keptAddresses) _addressOwner[address] = key;
            foreach (var port in keptPorts) _portOwner[port] = key;
            if (old is null) return;
            foreach (var address in AddressesOf(old)) Free(_addressOwner, address, key, keptAddresses.Contains(address));
            foreach (var port in PortsOf(old)) Free(_portOwner, port, key, keptPorts.Contains(port));
        }
    }

    /// <summary>Takes that address; false if another Service holds it.</summary>
    public bool TryTakeAddress(string address, string key) => TryTake(_addressOwner, address, key);

    public bool TryTakePort(int port, string key) => TryTake(_portOwner, port, key);

    public bool IsNodePort(long port) => port >= firstNodePort && port <= lastNodePort;

    /// <summary>Takes a free address, from the upper band first; null if none is left.</summary>
    public string? TakeAddress(string key)
    {
        lock (_lock)
        {
            return TakeAddress(addresses.FirstDynamicOffset, addresses.Size, key) ?? TakeAddress(1, addresses.FirstDynamicOffset - 1, key);
        }
    }

    /// <summary>Takes a free node port; null if none is left.</summary>
    public int? TakePort(string key)
    {
        lock (_lock)
        {
            var count = lastNodePort - firstNodePort + 1;
            var start = Random.Shared.Next(count);
            for (var i = 0; i < count; i++)
            {
                var port = firstNodePort + ((start + i) % count);
                if (_portOwner.TryAdd(port, key)) return port;
            }
            return null;
        }
    }

    public void GiveBackAddress(string address, string key)
    {
        lock (_lock) Free(_addressOwner, address, key, false);
    }

    public void GiveBackPort(int port, string key)
    {
        lock (_lock) Free(_portOwner, port, key, false);
    }

    /// <summary>Cluster addresses that a Service's spec names.</summary>
    public static IEnumerable<string> AddressesOf(JsonObject service)
    {
        if (service.Text("spec", "type") == "ExternalName") return [];
        var several = service.Texts("spec", "clusterIPs").ToList();
        if (several.Count == 0 && service.Text("spec", "clusterIP") is { Length: > 0 } one) several.Add(one);
        return several.Where(address => IPAddress.TryParse(address, out _));
    }

    /// <summary>Node ports that a Service's spec names, the health check's among them.</summary>
    public static IEnumerable<int> PortsOf(JsonObject service)
    {
        foreach (var (_, port) in service.Items("spec", "ports"))
        {
            if (port.Number("nodePort") is { } number and > 0) yield return (int)number;
        }
        if (service.Number("spec", "healthCheckNodePort") is { } health and > 0) yield return (int)health;
    }

    private string? TakeAddress(int from, int to, string key)
    {
        var count = to - from + 1;
        if (count <= 0) return null;
        var start = Random.Shared.Next(count);
        for (var i = 0; i < count; i++)
        {
            var address = addresses.At(from + ((start + i) % count)).ToString();
            if (_addressOwner.TryAdd(address, key)) return address;
        }
        return null;
    }

    private bool TryTake<T>(Dictionary<T, string> owners, T what, string key) where T : notnull
    {
        lock (_lock) return owners.TryAdd(what, key) || owners[what] == key;
    }

    private static void Free<T>(Dictionary<T, string> owners, T what, string key, bool kept) where T : notnull
    {
        if (!kept && owners.TryGetValue(what, out var owner) && owner == key) owners.Remove(what);
    }
}
