using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Allocation;

/// <summary>
/// Which Service holds which cluster address and node port. What is held follows from the stored Services
/// (<see cref="Observe"/>); between choosing and storing, a reservation holds it, apart from what is stored: giving back the one never
/// frees the other. So a crash can leak nothing.
/// </summary>
internal sealed class ServiceAllocator(IReadOnlyList<AddressRange> addresses, int firstNodePort, int lastNodePort)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _addressOwner = [];
    private readonly Dictionary<int, string> _portOwner = [];
    private readonly HashSet<string> _foreignAddresses = [];
    private readonly HashSet<string> _reservedAddresses = [];
    private readonly HashSet<int> _reservedPorts = [];

    /// <summary>For a table of kinds by which nothing is made.</summary>
    public static ServiceAllocator OfNothing => new([new AddressRange(IPNetwork.Parse("192.0.2.0/24"))], 1, 1);

    public ServiceRanges Ranges { get; } = new(addresses);

    public string NodePorts => $"{firstNodePort}-{lastNodePort}";

    /// <summary>An address was taken or freed by what is stored.</summary>
    public event Action<string>? Changed;

    /// <summary>Follows a committed change of a Service: takes what it holds now, frees what it held before.</summary>
    public void Observe(string key, JsonObject? old, JsonObject? now)
    {
        var heldAddresses = old is null ? [] : AddressesOf(old).ToHashSet();
        var keptAddresses = now is null ? [] : AddressesOf(now).ToHashSet();
        var keptPorts = now is null ? [] : PortsOf(now).ToHashSet();
        lock (_lock)
        {
            foreach (var address in keptAddresses) _addressOwner[address] = key;
            foreach (var port in keptPorts) _portOwner[port] = key;
            foreach (var address in heldAddresses.Except(keptAddresses)) Free(_addressOwner, address, key);
            foreach (var port in old is null ? [] : PortsOf(old).Except(keptPorts)) Free(_portOwner, port, key);
        }
        heldAddresses.SymmetricExceptWith(keptAddresses);
        foreach (var address in heldAddresses) Changed?.Invoke(address);
    }

    /// <summary>Follows an IPAddress object that somebody else made: no Service gets that address.</summary>
    public void ObserveForeign(string address, bool isKept)
    {
        lock (_lock)
        {
            if (isKept) _foreignAddresses.Add(address);
            else _foreignAddresses.Remove(address);
        }
        Changed?.Invoke(address);
    }

    /// <summary>namespace/name of the stored Service that has an address; null where none has.</summary>
    public string? HolderOf(string address)
    {
        lock (_lock) return _addressOwner.GetValueOrDefault(address);
    }

    /// <summary>Addresses of all stored Services.</summary>
    public IReadOnlyList<string> Held()
    {
        lock (_lock) return [.. _addressOwner.Keys];
    }

    /// <summary>Whether an address is held, also by a Service on its way into the store, that meets the condition.</summary>
    public bool IsHeld(Func<IPAddress, bool> which)
    {
        lock (_lock) return _addressOwner.Keys.Concat(_reservedAddresses).Concat(_foreignAddresses).Any(address => which(IPAddress.Parse(address)));
    }

    /// <summary>Reserves that address; false if it is not free.</summary>
    public bool TryTakeAddress(string address)
    {
        lock (_lock) return !_addressOwner.ContainsKey(address) && !_foreignAddresses.Contains(address) && _reservedAddresses.Add(address);
    }

    /// <summary>Reserves that node port; false if it is not free.</summary>
    public bool TryTakePort(int port)
    {
        lock (_lock) return !_portOwner.ContainsKey(port) && _reservedPorts.Add(port);
    }

    public bool IsNodePort(long port) => port >= firstNodePort && port <= lastNodePort;

    /// <summary>Reserves a free address of a family, of each range from the upper band first; null if none is left.</summary>
    public string? TakeAddressOf(string family)
    {
        lock (_lock)
        {
            return Ranges.Of(family)
                .Select(range => TakeAddress(range, range.FirstDynamicOffset, range.Size) ?? TakeAddress(range, 1, range.FirstDynamicOffset - 1))
                .FirstOrDefault(address => address is not null);
        }
    }

    /// <summary>Reserves a free node port; null if none is left.</summary>
    public int? TakePort()
    {
        lock (_lock)
        {
            var count = lastNodePort - firstNodePort + 1;
            var start = Random.Shared.Next(count);
            for (var i = 0; i < count; i++)
            {
                var port = firstNodePort + ((start + i) % count);
                if (TryTakePort(port)) return port;
            }
            return null;
        }
    }

    /// <summary>Ends a reservation: what has been stored meanwhile is its Service's, the rest is free.</summary>
    public void GiveBack(IEnumerable<string> addresses, IEnumerable<int> ports)
    {
        lock (_lock)
        {
            _reservedAddresses.ExceptWith(addresses);
            _reservedPorts.ExceptWith(ports);
        }
    }

    public static string ClaimOf(string address) => $"clusterips/{address}";

    public static string ClaimOf(int nodePort) => $"nodeports/{nodePort}";

    /// <summary>Cluster addresses that a Service's spec names, in canonical form.</summary>
    public static IEnumerable<string> AddressesOf(JsonObject service)
    {
        if (service.Text("spec", "type") == "ExternalName") return [];
        var several = service.Texts("spec", "clusterIPs").ToList();
        if (several.Count == 0 && service.Text("spec", "clusterIP") is { Length: > 0 } one) several.Add(one);
        return several.Select(text => IPAddress.TryParse(text, out var address) ? address.ToString() : "").Where(address => address.Length > 0);
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

    private string? TakeAddress(AddressRange range, int from, int to)
    {
        var count = Math.Min(to, range.Size) - from + 1;
        if (count <= 0) return null;
        var start = Random.Shared.Next(count);
        for (var i = 0; i < count; i++)
        {
            var address = range.At(from + ((start + i) % count)).ToString();
            if (TryTakeAddress(address)) return address;
        }
        return null;
    }

    private static void Free<T>(Dictionary<T, string> owners, T what, string key) where T : notnull
    {
        if (owners.TryGetValue(what, out var owner) && owner == key) owners.Remove(what);
    }
}
