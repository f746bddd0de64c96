using System.Net;
using System.Net.Sockets;
using Fairlead.LoadBalancer.Bgp;
using Fairlead.LoadBalancer.Bgp.Wire;
using Xunit;

namespace Fairlead.Unit.LoadBalancer.Bgp;

public sealed class SessionTermsTests
{
    private const uint Own = 0xC0000201, Theirs = 0xC0000202;
    private static readonly IPAddress V4 = IPAddress.Parse("192.0.2.1"), V6 = IPAddress.Parse("2001:db8::1");

    /// <summary>What each asks for → what is kept, in seconds.</summary>
    [Theory]
    [InlineData(90, 180, 90)]
    [InlineData(90, 30, 30)]
    [InlineData(90, 0, 0)]
    [InlineData(0, 90, 0)]
    [InlineData(3, 3, 3)]
    public void Agree_HoldTimes_TheShorterCounts(int own, ushort theirs, int expected) =>
        Assert.Equal(TimeSpan.FromSeconds(expected), Agree(new OpenMessage(64512, theirs, Theirs), out _, hold: own)!.Hold);

    [Theory]
    [InlineData(64512u, Theirs, 90, false, 0)]
    [InlineData(64999u, Theirs, 90, false, 2)]
    [InlineData(64512u, 0u, 90, false, 3)]
    // The same identifier will do in another AS, and not in the same.
    [InlineData(64512u, Own, 90, false, 0)]
    [InlineData(64512u, Own, 90, true, 3)]
    [InlineData(64512u, Theirs, 1, false, 6)]
    [InlineData(64512u, Theirs, 2, false, 6)]
    public void Agree_Open_IsTakenOrAnsweredByAFault(uint number, uint identifier, ushort hold, bool isInternal, byte subcode)
    {
        var terms = Agree(new OpenMessage(number, hold, identifier), out var fault, isInternal: isInternal);

        Assert.Equal(subcode == 0, terms is not null);
        Assert.Equal(subcode == 0 ? null : BgpFault.Of(2, subcode), fault);
    }

    /// <summary>Families that the peer names; null: none of any kind.</summary>
    [Theory]
    [InlineData(false, null, true)]
    [InlineData(false, AddressFamily.InterNetwork, true)]
    [InlineData(false, AddressFamily.InterNetworkV6, false)]
    [InlineData(true, null, false)]
    [InlineData(true, AddressFamily.InterNetwork, false)]
    [InlineData(true, AddressFamily.InterNetworkV6, true)]
    public void Agree_Families_ThatOfTheConnectionMustBeSpoken(bool isIPv6, AddressFamily? named, bool expected)
    {
        var open = new OpenMessage(64512, 90, Theirs) { Families = named is { } family ? [family] : null };

        var terms = Agree(open, out var fault, nextHop: isIPv6 ? V6 : V4);

        Assert.Equal(expected, terms is not null);
        Assert.Equal(expected ? null : BgpFault.Of(2, 7, 1, 4, 0, (byte)(isIPv6 ? 2 : 1), 0, 1), fault);
    }

    private static SessionTerms? Agree(OpenMessage open, out BgpFault? fault, int hold = 90, bool isInternal = false, IPAddress? nextHop = null)
    {
        var peer = new BgpPeer(new IPEndPoint(IPAddress.Loopback, 179), 64512) { HoldTime = TimeSpan.FromSeconds(hold) };
        return SessionTerms.Agree(new BgpOptions(isInternal ? 64512u : 64513u, [peer]), peer, Own, nextHop ?? V4, open, out fault);
    }
}
