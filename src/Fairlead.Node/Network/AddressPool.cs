using System.Net;

namespace Fairlead.Node.Network;

/// <summary>
/// The pod addresses of this node, one file an address (its name the address, its content the pod's UID), so that none is
/// given twice however often the agent restarts. Addresses are given in turn, which leaves one that was freed unused as long as possible.
/// </summary>
internal sealed class AddressPool
{
    private readonly string _folder;
    private readonly uint _network;
    private readonly uint _size;
    private readonly Dictionary<uint, string> _used = [];
    private readonly Lock _lock = new();
    private uint _last;

    /// <param name="network">The node's pod CIDR, IPv4; its first address is the gateway.</param>
    public AddressPool(string folder, IPNetwork network)
    {
        _folder = folder;
        _network = ToNumber(network.BaseAddress);
        _size = 1u << (32 - network.PrefixLength);
        _last = 1;
        Network = network;
        Load();
    }

    public IPNetwork Network { get; }

    public IPAddress Gateway => ToAddress(_network + 1);

    /// <summary>The pod's address, the same when asked again.</summary>
    /// <exception cref="InvalidOperationException">Every address is in use.</exception>
    public IPAddress Allocate(string podUid)
    {
        lock (_lock)
        {
            foreach (var (used, owner) in _used)
            {
                if (owner == podUid) return ToAddress(_network + used);
            }
            // 0 is the network, 1 the gateway, the last one broadcast.
            for (uint step = 1; step <= _size; step++)
            {
                var offset = (_last + step) % _size;
                if (offset < 2 || offset == _size - 1 || _used.ContainsKey(offset)) continue;
                var address = ToAddress(_network + offset);
                File.WriteAllText($"{_folder}/{address}", podUid);
                _used[offset] = podUid;
                _last = offset;
                return address;
            }
        }
        throw new InvalidOperationException($"no more addresses in {Network}: {_used.Count} are in use");
    }

    /// <summary>Null where the pod has none.</summary>
    public IPAddress? AddressOf(string podUid)
    {
        lock (_lock)
        {
            foreach (var (used, owner) in _used)
            {
                if (owner == podUid) return ToAddress(_network + used);
            }
            return null;
        }
    }

    public void Release(string podUid)
    {
        lock (_lock)
        {
            foreach (var offset in _used.Where(entry => entry.Value == podUid).Select(entry => entry.Key).ToList())
            {
                File.Delete($"{_folder}/{ToAddress(_network + offset)}");
                _used.Remove(offset);
            }
        }
    }

    /// <summary>Gives a pod's address back while no pool is open on the folder.</summary>
    public static void Release(string folder, string podUid)
    {
        foreach (var file in Directory.EnumerateFiles(folder).Where(file => File.ReadAllText(file) == podUid).ToList()) File.Delete(file);
    }

    private void Load()
    {
        foreach (var file in Directory.EnumerateFiles(_folder))
        {
            if (!IPAddress.TryParse(Path.GetFileName(file), out var address)) continue;
            var offset = ToNumber(address) - _network;
            // One of an earlier pod CIDR hinders nobody.
            if (offset >= _size) continue;
            _used[offset] = File.ReadAllText(file);
            _last = Math.Max(_last, offset);
        }
    }

    private static uint ToNumber(IPAddress address) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    private static IPAddress ToAddress(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}
