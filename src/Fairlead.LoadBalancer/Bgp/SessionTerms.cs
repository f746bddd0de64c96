using System.Net;
using System.Net.Sockets;
using Fairlead.LoadBalancer.Bgp.Wire;

namespace Fairlead.LoadBalancer.Bgp;

/// <summary>What both sides' OPEN messages come to. Pure.</summary>
/// <param name="Hold">Zero: no keepalives, and no limit to silence.</param>
internal sealed record SessionTerms(RouteAttributes Attributes, TimeSpan Hold, bool HasRouteRefresh)
{
    public AddressFamily Family => Attributes.NextHop.AddressFamily;

    /// <summary>Null with the fault to tell the peer, if it will not do (RFC 4271 section 6.2).</summary>
    /// <param name="identifier">This speaker's.</param>
    /// <param name="nextHop">This speaker's end of the connection; a session carries routes of its own family.</param>
    public static SessionTerms? Agree(BgpOptions own, BgpPeer peer, uint identifier, IPAddress nextHop, OpenMessage open, out BgpFault? fault)
    {
        var isInternal = peer.As == own.LocalAs;
        var family = nextHop.AddressFamily;
        // RFC 6286 section 2.2: two speakers of one AS must differ.
        fault = open.As != peer.As ? BgpFault.BadPeerAs
            : open.Identifier == 0 || (isInternal && open.Identifier == identifier) ? BgpFault.BadIdentifier
            : open.HoldSeconds is 1 or 2 ? BgpFault.UnacceptableHoldTime
            : Speaks(open, family) ? null
            : BgpFault.Of(2, 7, BgpEncoder.Multiprotocol, 4, 0, (byte)(family == AddressFamily.InterNetwork ? 1 : 2), 0, BgpEncoder.Unicast);
        if (fault is not null) return null;
        var theirs = TimeSpan.FromSeconds(open.HoldSeconds);
        return new SessionTerms(new RouteAttributes(own.LocalAs, isInternal, open.HasFourOctetAs, nextHop), peer.HoldTime < theirs ? peer.HoldTime : theirs, open.HasRouteRefresh);
    }

    private static bool Speaks(OpenMessage open, AddressFamily family) => open.Families?.Contains(family) ?? family == AddressFamily.InterNetwork;
}
