using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.ApiServer.Allocation;

/// <summary>A range from which addresses are given out: without its first address and, of IPv4, without the last, the broadcast address.</summary>
public sealed class AddressRange
{
    private readonly IPNetwork _network;
    private readonly UInt128 _base;
    private readonly UInt128 _last;

    public AddressRange(IPNetwork network)
    {
        if (!IsUsable(network))
            throw new FormatException($"{network} is not a range with room for addresses");
        _network = network;
        _base = ToNumber(network.BaseAddress);
        var count = UInt128.One << (BitsOf(network) - network.PrefixLength);
        _last = _base + count - (IsIPv6 ? 1u : 2u);
        Size = (int)UInt128.Min(_last - _base, int.MaxValue - 1);
    }

    public static bool IsUsable(IPNetwork network) => network.PrefixLength > 0 && BitsOf(network) - network.PrefixLength >= 2;

    public bool IsIPv6 => _network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>How many addresses there are to give unasked; offsets run from 1 to this.</summary>
    public int Size { get; }

    /// <summary>
    /// The first offset that is given out unasked. Those below are kept for users who choose an address, as long as others
    /// are free (Kubernetes documentation: "Service ClusterIP allocation", min(max(16, size/16), 256)).
    /// </summary>
    public int FirstDynamicOffset => Math.Min(Math.Max(16, Size / 16), 256) + 1;

    public IPAddress At(int offset)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _base + (uint)offset);
        return new IPAddress(bytes[(IsIPv6 ? 0 : 12)..]);
    }

    public bool Contains(IPAddress address) => _network.Contains(address) && ToNumber(address) is var number && number > _base && number <= _last;

    public override string ToString() => _network.ToString();

    private static int BitsOf(IPNetwork network) => network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32;

    private static UInt128 ToNumber(IPAddress address) => address.GetAddressBytes().Aggregate(UInt128.Zero, (number, part) => (number << 8) | part);
}
