using System.Net;

namespace Fairlead.Controllers.NodeIpam;

/// <summary>Cuts a network into equal blocks and hands each out once. Not thread-safe.</summary>
internal sealed class CidrPool
{
    private readonly UInt128 _base;
    private readonly int _bits;
    private readonly int _blockPrefix;
    private readonly HashSet<int> _taken = [];
    private int _next;

    /// <param name="network">For example 10.244.0.0/16.</param>
    /// <param name="blockPrefix">Prefix length of a block, for example 24.</param>
    /// <exception cref="FormatException">Not a network, or one smaller than a block.</exception>
    public CidrPool(string network, int blockPrefix)
    {
        var parsed = IPNetwork.Parse(network);
        var bytes = parsed.BaseAddress.GetAddressBytes();
        _bits = bytes.Length * 8;
        _blockPrefix = blockPrefix;
        _base = bytes.Aggregate(UInt128.Zero, (sum, octet) => (sum << 8) | octet);
        var width = blockPrefix - parsed.PrefixLength;
        if (width < 0 || blockPrefix > _bits) throw new FormatException($"{network} holds no /{blockPrefix}");
        // Kubernetes limits the width to 16 bits as well.
        Capacity = 1 << Math.Min(width, 16);
    }

    public int Capacity { get; }

    public bool IsV6 => _bits == 128;

    /// <summary>Notes a block as taken; false for one outside this pool.</summary>
    public bool Take(string cidr)
    {
        if (Index(cidr) is not { } index) return false;
        _taken.Add(index);
        return true;
    }

    public void Release(string cidr)
    {
        if (Index(cidr) is { } index) _taken.Remove(index);
    }

    /// <summary>The next free block, going round, so that a block just released rests; null when all are taken.</summary>
    public string? Allocate()
    {
        for (var tried = 0; tried < Capacity; tried++)
        {
            var index = (_next + tried) % Capacity;
            if (!_taken.Add(index)) continue;
            _next = (index + 1) % Capacity;
            return Block(index);
        }
        return null;
    }

    private string Block(int index)
    {
        var value = _base + ((UInt128)index << (_bits - _blockPrefix));
        var bytes = new byte[_bits / 8];
        for (var i = bytes.Length - 1; i >= 0; i--, value >>= 8) bytes[i] = (byte)(value & 0xFF);
        return $"{new IPAddress(bytes)}/{_blockPrefix}";
    }

    private int? Index(string cidr)
    {
        if (!IPNetwork.TryParse(cidr, out var network) || network.PrefixLength != _blockPrefix) return null;
        var bytes = network.BaseAddress.GetAddressBytes();
        if (bytes.Length * 8 != _bits) return null;
        var value = bytes.Aggregate(UInt128.Zero, (sum, octet) => (sum << 8) | octet);
        if (value < _base) return null;
        var index = (value - _base) >> (_bits - _blockPrefix);
        return index < (UInt128)Capacity ? (int)index : null;
    }
}
