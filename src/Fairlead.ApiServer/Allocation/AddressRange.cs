using System.Net;

namespace Fairlead.ApiServer.Allocation;

/// <summary>An IPv4 range from which addresses are given out, without its network and broadcast address.</summary>
public sealed class AddressRange
{
    private readonly IPNetwork _network;
    private readonly uint _base;

    public AddressRange(IPNetwork network)
    {
        if (network.BaseAddress.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork || network.PrefixLength > 30)
            throw new FormatException($"{network} is not an IPv4 range with room for addresses");
        _network = network;
        _base = ToNumber(network.BaseAddress);
        Size = (int)Math.Min((1L << (32 - network.PrefixLength)) - 2, 65534);
    }

    /// <summary>How many addresses there are to give; offsets run from 1 to this.</summary>
    public int Size { get; }

    /// <summary>
    /// The first offset that is given out unasked. Those below are kept for users who choose an address, as long as others
    /// are free (Kubernetes documentation: "Service ClusterIP allocation", min(max(16, size/16), 256)).
    /// </summary>
    public int FirstDynamicOffset => Math.Min(Math.Max(16, Size / 16), 256) + 1;

    public IPAddress At(int offset) => new([.. BitConverter.GetBytes(_base + (uint)offset).Reverse()]);

    public bool Contains(IPAddress address) => _network.Contains(address) && Offset(address) is var offset && offset >= 1 && offset <= Size;

    public override string ToString() => _network.ToString();

    private int Offset(IPAddress address) => (int)(ToNumber(address) - _base);

    private static uint ToNumber(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        return (uint)(bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]);
    }
}
