using System.Net;

namespace Fairlead.Kube;

/// <summary>A network by one of its addresses.</summary>
public static class Subnet
{
    /// <summary>The network that an address is in: its bits beyond the length, which IPNetwork refuses, are not looked at.</summary>
    /// <param name="length">Bits of the network, at most those of the address.</param>
    public static IPNetwork Around(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bytes.Length * 8; bit++) bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return new IPNetwork(new IPAddress(bytes), length);
    }
}
