using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

public sealed partial class RouteSocket
{
    private const ushort NewLink = 16, DeleteLinkMessage = 17, GetLink = 18, SetLink = 19;
    private const ushort LinkMac = 1, LinkName = 3, LinkMtu = 4, LinkPeer = 5, LinkMaster = 10, LinkPortInfo = 12, LinkInfo = 18;
    private const ushort LinkNamespace = 28, LinkExtendedMask = 29, InfoKind = 1, InfoData = 2, VethPeer = 1, BridgePortHairpin = 4;
    private const uint InterfaceUp = 1, InterfaceRunning = 0x40;
    private const byte FamilyBridge = 7;
    private const int NameLimit = 15;

    /// <summary>All links of the namespace.</summary>
    public IReadOnlyList<Link> ListLinks()
    {
        MessageBuffer request = Begin(GetLink, NetlinkFlags.Dump, new LinkHeader());
        request.UInt32(LinkExtendedMask, 8); // without the counters, two thirds of the answer
        return List<Link>("list links", found => message =>
        {
            if (message.Type == NewLink)
            {
                found.Add(ReadLink(message));
            }
        });
    }

    /// <summary>The link of this name, or null.</summary>
    public Link? FindLink(string name)
    {
        CheckName(name);
        MessageBuffer request = Begin(GetLink, NetlinkFlags.None, new LinkHeader());
        request.Text(LinkName, name);
        request.UInt32(LinkExtendedMask, 8);
        request.End();
        Link? found = null;
        try
        {
            _socket.Get(request, $"find link {name}", message => found = message.Type == NewLink ? ReadLink(message) : found);
        }
        catch (NetlinkException failure) when (failure.Errno == Errno.NoDevice)
        {
            return null;
        }
        return found;
    }

    /// <summary>The index of a link that must exist.</summary>
    /// <exception cref="NetlinkException">NoDevice.</exception>
    public int IndexOf(string name) =>
        FindLink(name)?.Index ?? throw new NetlinkException(Errno.NoDevice, $"find link {name}", null);

    /// <summary>
    /// Makes a bridge, down. False when the name is taken. It gets an address of its own: one without takes the least of its ports',
    /// which changes as ports come and go, and neighbours that know the old one lose it for up to a minute
    /// (net/bridge/br_stp_if.c, br_stp_recalculate_bridge_id).
    /// </summary>
    public bool TryCreateBridge(string name)
    {
        CheckName(name);
        MessageBuffer request = Begin(NewLink, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive, new LinkHeader());
        request.Text(LinkName, name);
        request.Bytes(LinkMac, DrawMac());
        using (request.Nest(LinkInfo))
        {
            request.Text(InfoKind, "bridge");
        }
        return AcknowledgeUnless($"create bridge {name}", errno => errno == Errno.Exists);
    }

    /// <summary>Of one station, administered locally (IEEE 802, 8.2).</summary>
    private static byte[] DrawMac()
    {
        var mac = RandomNumberGenerator.GetBytes(6);
        mac[0] = (byte)((mac[0] & 0xfc) | 0x02);
        return mac;
    }

    /// <summary>Makes a veth pair; the peer is born in its namespace, so that it is never seen here.</summary>
    /// <exception cref="NetlinkException">Exists when either name is taken.</exception>
    public void CreateVeth(VethPair pair)
    {
        CheckName(pair.Name);
        CheckName(pair.PeerName);
        LinkHeader header = pair.Up ? new LinkHeader { Flags = InterfaceUp, Change = InterfaceUp } : new LinkHeader();
        MessageBuffer request = Begin(NewLink, NetlinkFlags.Acknowledge | NetlinkFlags.Create | NetlinkFlags.Exclusive, header);
        WriteEnd(request, pair.Name, pair.Mac, pair.Mtu);
        if (pair.Master != 0)
        {
            request.UInt32(LinkMaster, (uint)pair.Master);
        }
        using (request.Nest(LinkInfo))
        {
            request.Text(InfoKind, "veth");
            using (request.Nest(InfoData))
            using (request.Nest(VethPeer))
            {
                request.Struct(new LinkHeader());
                WriteEnd(request, pair.PeerName, pair.PeerMac, pair.Mtu);
                if (pair.PeerNamespace is not null)
                {
                    request.UInt32(LinkNamespace, (uint)pair.PeerNamespace.Handle.DangerousGetHandle());
                }
            }
        }
        Acknowledge($"create veth {pair.Name}");
    }

    /// <summary>Deletes a link; false when there is none. The peer of a veth goes with it.</summary>
    public bool TryDeleteLink(string name)
    {
        CheckName(name);
        Begin(DeleteLinkMessage, NetlinkFlags.Acknowledge, new LinkHeader()).Text(LinkName, name);
        return AcknowledgeUnless($"delete link {name}", errno => errno == Errno.NoDevice);
    }

    public void SetUp(int index) => Change(index, InterfaceUp, InterfaceUp, "set link up", static _ => { });

    public void SetDown(int index) => Change(index, 0, InterfaceUp, "set link down", static _ => { });

    /// <summary>Makes the link a port of a bridge; 0 takes it out.</summary>
    public void SetMaster(int index, int master) =>
        Change(index, 0, 0, "set master", request => request.UInt32(LinkMaster, (uint)master));

    /// <summary>Renames a link; older kernels want it down.</summary>
    public void Rename(int index, string name)
    {
        CheckName(name);
        Change(index, 0, 0, $"rename link to {name}", request => request.Text(LinkName, name));
    }

    /// <summary>Moves a link to another namespace, where it arrives down and without addresses.</summary>
    public void Move(int index, NetworkNamespace target) =>
        Change(index, 0, 0, "move link", request => request.UInt32(LinkNamespace, (uint)target.Handle.DangerousGetHandle()));

    public void SetMac(int index, PhysicalAddress mac) =>
        Change(index, 0, 0, "set mac", request => request.Bytes(LinkMac, mac.GetAddressBytes()));

    /// <summary>Largest packet in bytes.</summary>
    public void SetMtu(int index, int mtu) => Change(index, 0, 0, "set mtu", request => request.UInt32(LinkMtu, (uint)mtu));

    /// <summary>Lets a bridge send a packet back out of the port by which it came, as a pod that reaches itself needs.</summary>
    public void SetHairpin(int portIndex, bool on)
    {
        MessageBuffer request = Begin(SetLink, NetlinkFlags.Acknowledge, new LinkHeader { Family = FamilyBridge, Index = portIndex });
        using (request.Nest(LinkPortInfo))
        {
            request.Byte(BridgePortHairpin, on ? (byte)1 : (byte)0);
        }
        Acknowledge("set hairpin mode");
    }

    private void Change(int index, uint flags, uint mask, string operation, Action<MessageBuffer> attributes)
    {
        var header = new LinkHeader { Index = index, Flags = flags, Change = mask };
        attributes(Begin(NewLink, NetlinkFlags.Acknowledge, header));
        Acknowledge($"{operation} (link {index})");
    }

    private static void WriteEnd(MessageBuffer request, string name, PhysicalAddress? mac, int mtu)
    {
        request.Text(LinkName, name);
        if (mac is not null)
        {
            request.Bytes(LinkMac, mac.GetAddressBytes());
        }
        if (mtu != 0)
        {
            request.UInt32(LinkMtu, (uint)mtu);
        }
    }

    private static unsafe Link ReadLink(NetlinkMessage message)
    {
        LinkHeader header = message.Header<LinkHeader>();
        string name = "";
        string? kind = null;
        int master = 0, peer = 0, mtu = 0;
        PhysicalAddress mac = PhysicalAddress.None;
        foreach (Attribute attribute in message.Attributes(sizeof(LinkHeader)))
        {
            switch (attribute.Type)
            {
                case LinkName: name = attribute.Text(); break;
                case LinkMac: mac = new PhysicalAddress(attribute.Value.ToArray()); break;
                case LinkMtu: mtu = (int)attribute.UInt32(); break;
                case LinkPeer: peer = (int)attribute.UInt32(); break;
                case LinkMaster: master = (int)attribute.UInt32(); break;
                case LinkInfo: kind = ReadKind(attribute.Nested); break;
                default: break;
            }
        }
        return new Link
        {
            Index = header.Index,
            Name = name,
            Kind = kind,
            Master = master,
            Peer = peer,
            Mtu = mtu,
            Mac = mac,
            IsUp = (header.Flags & InterfaceUp) != 0,
            IsRunning = (header.Flags & InterfaceRunning) != 0,
        };
    }

    private static string? ReadKind(AttributeReader info)
    {
        foreach (Attribute attribute in info)
        {
            if (attribute.Type == InfoKind)
            {
                return attribute.Text();
            }
        }
        return null;
    }

    private static void CheckName(string name)
    {
        if (name.Length == 0 || Encoding.UTF8.GetByteCount(name) > NameLimit)
        {
            throw new ArgumentException($"A link's name has 1 to {NameLimit} bytes: '{name}'", nameof(name));
        }
    }
}
