using System.Net;
using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>An address of a link.</summary>
/// <param name="LinkIndex">The link.</param>
/// <param name="Address">IPv4 or IPv6.</param>
/// <param name="PrefixLength">Bits of the network.</param>
public sealed record LinkAddress(int LinkIndex, IPAddress Address, int PrefixLength);

public sealed partial class RouteSocket
{
    private const ushort NewAddress = 20, DeleteAddressMessage = 21, GetAddress = 22;
    private const ushort AddressPeer = 1, AddressLocal = 2, AddressBroadcast = 4;

    /// <summary>IFA_F_NODAD: an IPv6 address works at once.</summary>
    private const byte NoDuplicateDetection = 2;

    /// <summary>Gives a link an address; false when it has it already. IPv6 skips duplicate detection, so that it works at once.</summary>
    public bool TryAddAddress(LinkAddress address)
    {
        bool six = address.Address.AddressFamily == AddressFamily.InterNetworkV6;
        AddressHeader header = HeaderOf(address) with { Flags = six ? NoDuplicateDetection : (byte)0 };
        MessageBuffer request = Begin(NewAddress, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive, header);
        WriteAddress(request, address);
        if (!six && address.PrefixLength < 31)
        {
            request.Address(AddressBroadcast, Broadcast(address));
        }
        return AcknowledgeUnless($"add address {address.Address}/{address.PrefixLength}", errno => errno == Errno.Exists);
    }

    /// <summary>
    /// Gives a link an address that the kernel takes away by itself after that time (struct ifa_cacheinfo), or changes how long it
    /// has left. Whole seconds; null: for ever. An IPv6 address works at once, and is deprecated: nothing that starts here has it as its source.
    /// </summary>
    public void SetAddress(LinkAddress address, TimeSpan? lifetime)
    {
        const ushort CacheInfo = 6;
        bool six = address.Address.AddressFamily == AddressFamily.InterNetworkV6;
        AddressHeader header = HeaderOf(address) with { Flags = six ? NoDuplicateDetection : (byte)0 };
        MessageBuffer request = Begin(NewAddress, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Replace, header);
        WriteAddress(request, address);
        uint seconds = lifetime is { } limited ? (uint)Math.Ceiling(limited.TotalSeconds) : uint.MaxValue;
        Span<byte> times = request.Attribute(CacheInfo, 16);
        // Preferred, then valid; when it was made and changed is the kernel's to say.
        BitConverter.TryWriteBytes(times, six ? 0 : seconds);
        BitConverter.TryWriteBytes(times[4..], seconds);
        times[8..].Clear();
        AcknowledgeUnless($"set address {address.Address}/{address.PrefixLength}", static _ => false);
    }

    /// <summary>Takes an address away; false when the link does not have it.</summary>
    public bool TryDeleteAddress(LinkAddress address)
    {
        WriteAddress(Begin(DeleteAddressMessage, NetlinkFlags.Acknowledge, HeaderOf(address)), address);
        return AcknowledgeUnless($"delete address {address.Address}", errno => errno is Errno.AddressNotAvailable or Errno.NoDevice);
    }

    /// <summary>The addresses of one link, or of all (0), of both families.</summary>
    public IReadOnlyList<LinkAddress> ListAddresses(int linkIndex = 0)
    {
        Begin(GetAddress, NetlinkFlags.Dump, default(AddressHeader));
        return List<LinkAddress>("list addresses", found => message =>
        {
            AddressHeader header = message.Header<AddressHeader>();
            if (message.Type != NewAddress || (linkIndex != 0 && header.Index != linkIndex))
            {
                return;
            }
            IPAddress? local = null, peer = null;
            foreach (Attribute attribute in message.Attributes(8))
            {
                local = attribute.Type == AddressLocal ? attribute.Address() : local;
                peer = attribute.Type == AddressPeer ? attribute.Address() : peer;
            }
            // IPv6 names its address in IFA_ADDRESS only; IPv4 in IFA_LOCAL.
            if ((local ?? peer) is { } own)
            {
                found.Add(new LinkAddress(header.Index, own, header.PrefixLength));
            }
        });
    }

    private static AddressHeader HeaderOf(LinkAddress address) => new()
    {
        Family = FamilyOf(address.Address),
        PrefixLength = (byte)address.PrefixLength,
        Index = address.LinkIndex,
    };

    private static void WriteAddress(MessageBuffer request, LinkAddress address)
    {
        request.Address(AddressLocal, address.Address);
        request.Address(AddressPeer, address.Address);
    }

    private static IPAddress Broadcast(LinkAddress address)
    {
        byte[] bytes = address.Address.GetAddressBytes();
        uint value = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes);
        uint hosts = address.PrefixLength == 0 ? uint.MaxValue : (1u << (32 - address.PrefixLength)) - 1;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, value | hosts);
        return new IPAddress(bytes);
    }

    private static byte FamilyOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? (byte)2 : (byte)10;
}
