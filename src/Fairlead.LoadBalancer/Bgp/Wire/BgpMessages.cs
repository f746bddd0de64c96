using System.Net;
using System.Net.Sockets;

namespace Fairlead.LoadBalancer.Bgp.Wire;

/// <summary>The octet of a message's header that names its type (RFC 4271 section 4.1, RFC 2918 section 3).</summary>
internal enum BgpType : byte
{
    Open = 1,
    Update = 2,
    Notification = 3,
    Keepalive = 4,
    RouteRefresh = 5,
}

/// <summary>What a peer said, as far as a speaker needs it that learns no routes.</summary>
internal abstract record BgpMessage;

/// <param name="As">Its autonomous system: of the four-octet capability, else the two octets of the message.</param>
/// <param name="HoldSeconds">0: it wants no keepalives.</param>
/// <param name="Identifier">Four octets, in the order of the network.</param>
internal sealed record OpenMessage(uint As, ushort HoldSeconds, uint Identifier) : BgpMessage
{
    /// <summary>Whether AS paths have four octets a number (RFC 6793).</summary>
    public bool HasFourOctetAs { get; init; }

    public bool HasRouteRefresh { get; init; }

    /// <summary>Families of unicast routes that it names; null: it names none of any kind, which means IPv4 (RFC 4760 section 8).</summary>
    public IReadOnlyList<AddressFamily>? Families { get; init; }
}

/// <summary>Routes, which this speaker does not use; only its framing was looked at.</summary>
internal sealed record UpdateMessage : BgpMessage;

internal sealed record NotificationMessage(BgpFault Fault) : BgpMessage;

internal sealed record KeepaliveMessage : BgpMessage;

/// <param name="Family">Null: one that is not spoken here.</param>
internal sealed record RouteRefreshMessage(AddressFamily? Family) : BgpMessage;

/// <summary>How all routes of a session look.</summary>
/// <param name="LocalAs">The speaker's own.</param>
/// <param name="IsInternal">The peer is of the same AS: the path is empty, and there is a local preference (RFC 4271 sections 5.1.2 and 5.1.5).</param>
/// <param name="HasFourOctetAs">Both sides write AS numbers with four octets.</param>
/// <param name="NextHop">Of the family of the prefixes.</param>
internal sealed record RouteAttributes(uint LocalAs, bool IsInternal, bool HasFourOctetAs, IPAddress NextHop);
