using System.Net;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Conntrack;

/// <summary>The flows that a namespace tracks (linux/netfilter/nfnetlink_conntrack.h). Not safe for concurrent use.</summary>
public sealed class ConntrackSocket : IDisposable
{
    private const int NetfilterProtocol = 12;
    private const ushort Get = (1 << 8) | 1, Delete = (1 << 8) | 2;
    private const ushort TupleOriginal = 1, TupleReply = 2, FlowId = 12, Filter = 25;
    private const ushort TupleAddresses = 1, TupleProtocol = 2;
    private const int HeaderSize = 4;
    private readonly NetlinkSocket _socket;
    private readonly MessageBuffer _request = new(256);

    private ConntrackSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens in the calling thread's namespace.</summary>
    public static ConntrackSocket Open() => new(NetlinkSocket.Open(NetfilterProtocol));

    /// <summary>Opens in a namespace.</summary>
    public static ConntrackSocket Open(NetworkNamespace network) => network.Run(Open);

    public void Dispose() => _socket.Dispose();

    /// <summary>The flows of a protocol that the filter takes. The kernel leaves other protocols out already (Linux 5.8 or later).</summary>
    public IReadOnlyList<Flow> List(bool ipv6, byte protocol, Func<Flow, bool> filter)
    {
        const uint ByProtocol = 1 << 3; // CTA_FILTER_F_CTA_PROTO_NUM, net/netfilter/nf_internals.h
        var found = new List<Flow>();
        Begin(Get, NetlinkFlags.Dump, ipv6);
        using (_request.Nest(TupleOriginal))
        using (_request.Nest(TupleProtocol))
        {
            _request.Byte(1, protocol);
        }
        using (_request.Nest(Filter))
        {
            _request.UInt32(1, ByProtocol);
        }
        _request.End();
        _socket.Dump(_request, "list flows", found.Clear, message =>
        {
            Flow flow = Read(message.Attributes(HeaderSize));
            if (flow.Protocol == protocol && filter(flow))
            {
                found.Add(flow);
            }
        });
        return found;
    }

    /// <summary>Forgets a flow, so that its next packet is a first packet; false when it is gone already.</summary>
    public bool TryDelete(Flow flow)
    {
        bool ipv6 = flow.Original.Source.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        Begin(Delete, NetlinkFlags.Acknowledge, ipv6);
        using (_request.Nest(TupleOriginal))
        {
            WriteTuple(flow, ipv6);
        }
        _request.UInt32Network(FlowId, flow.Id);
        _request.End();
        Errno errno = _socket.TryAcknowledge(_request, out string? detail);
        return errno switch
        {
            Errno.None => true,
            Errno.NoEntry => false,
            _ => throw new NetlinkException(errno, "delete flow", detail),
        };
    }

    private void Begin(ushort type, NetlinkFlags flags, bool ipv6)
    {
        _request.Clear();
        _request.Begin(type, flags);
        _request.Reserve(HeaderSize)[0] = ipv6 ? (byte)10 : (byte)2;
    }

    private void WriteTuple(Flow flow, bool ipv6)
    {
        using (_request.Nest(TupleAddresses))
        {
            _request.Address((ushort)(ipv6 ? 3 : 1), flow.Original.Source);
            _request.Address((ushort)(ipv6 ? 4 : 2), flow.Original.Destination);
        }
        using (_request.Nest(TupleProtocol))
        {
            _request.Byte(1, flow.Protocol);
            _request.UInt16Network(2, flow.Original.SourcePort);
            _request.UInt16Network(3, flow.Original.DestinationPort);
        }
    }

    private static Flow Read(AttributeReader attributes)
    {
        byte protocol = 0;
        FlowTuple original = default, reply = default;
        uint id = 0;
        foreach (Attribute attribute in attributes)
        {
            switch (attribute.Type)
            {
                case TupleOriginal: original = ReadTuple(attribute.Nested, out protocol); break;
                case TupleReply: reply = ReadTuple(attribute.Nested, out _); break;
                case FlowId: id = attribute.UInt32Network(); break;
                default: break;
            }
        }
        return new Flow(protocol, original, reply, id);
    }

    private static FlowTuple ReadTuple(AttributeReader attributes, out byte protocol)
    {
        protocol = 0;
        var tuple = new FlowTuple(IPAddress.None, IPAddress.None, 0, 0);
        foreach (Attribute part in attributes)
        {
            foreach (Attribute attribute in part.Nested)
            {
                switch (part.Type, attribute.Type)
                {
                    case (TupleAddresses, 1 or 3): tuple = tuple with { Source = attribute.Address() ?? IPAddress.None }; break;
                    case (TupleAddresses, 2 or 4): tuple = tuple with { Destination = attribute.Address() ?? IPAddress.None }; break;
                    case (TupleProtocol, 1): protocol = attribute.Byte(); break;
                    case (TupleProtocol, 2): tuple = tuple with { SourcePort = attribute.UInt16Network() }; break;
                    case (TupleProtocol, 3): tuple = tuple with { DestinationPort = attribute.UInt16Network() }; break;
                    default: break;
                }
            }
        }
        return tuple;
    }
}
