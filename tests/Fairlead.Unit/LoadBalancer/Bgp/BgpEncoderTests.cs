using System.Net;
using System.Net.Sockets;
using Fairlead.LoadBalancer.Bgp.Wire;
using Xunit;

namespace Fairlead.Unit.LoadBalancer.Bgp;

/// <summary>Octets as the RFCs draw them; the marker is written as M.</summary>
public sealed class BgpEncoderTests
{
    internal static readonly string Marker = string.Concat(Enumerable.Repeat("FF", 16));
    private static readonly IPAddress NextHop = IPAddress.Parse("192.0.2.7"), NextHop6 = IPAddress.Parse("2001:db8::7");

    [Theory]
    [InlineData(64512u, 90, AddressFamily.InterNetwork, "M 002D 01 04 FC00 005A C0000207 10 02 0E 01 04 0001 00 01 02 00 41 04 0000FC00")]
    // A number of four octets has a stand-in where there are two.
    [InlineData(4200000000u, 0, AddressFamily.InterNetworkV6, "M 002D 01 04 5BA0 0000 C0000207 10 02 0E 01 04 0002 00 01 02 00 41 04 FA56EA00")]
    public void Open_OfASpeaker_NamesItsFamilyAndFourOctetAs(uint number, ushort hold, AddressFamily family, string expected) =>
        Assert.Equal(Bytes(expected), BgpEncoder.Open(number, hold, 0xC0000207, family));

    [Fact]
    public void Notification_OfAFault_CarriesItsData() =>
        Assert.Equal(Bytes("M 0017 03 02 01 00 04"), BgpEncoder.Notification(BgpFault.Of(2, 1, 0, 4)));

    [Fact]
    public void Keepalive_Always_IsAHeader() => Assert.Equal(Bytes("M 0013 04"), BgpEncoder.Keepalive());

    /// <summary>AS, whether the peer is of the same, whether it knows four octets → path attributes between ORIGIN and NEXT_HOP, and after.</summary>
    [Theory]
    [InlineData(64513u, false, true, "40 02 06 02 01 0000FC01", "")]
    [InlineData(64513u, false, false, "40 02 04 02 01 FC01", "")]
    [InlineData(4200000000u, false, false, "40 02 04 02 01 5BA0 C0 11 06 02 01 FA56EA00", "")]
    [InlineData(64513u, true, true, "40 02 00", "40 05 04 00000064")]
    public void Announce_IPv4_HasThePathThatThePeerUnderstands(uint number, bool isInternal, bool fourOctets, string path, string preference)
    {
        var update = Assert.Single(BgpEncoder.Announce([IPAddress.Parse("203.0.113.1"), IPAddress.Parse("203.0.113.2")], new RouteAttributes(number, isInternal, fourOctets, NextHop)));

        var attributes = Bytes($"40 01 01 00 {path} 40 03 04 C0000207 {preference}");
        Assert.Equal(Bytes($"M {33 + attributes.Length:X4} 02 0000 {attributes.Length:X4} {Convert.ToHexString(attributes)} 20 CB007101 20 CB007102"), update);
    }

    [Fact]
    public void Announce_IPv6_IsInTheMultiprotocolAttribute()
    {
        var update = Assert.Single(BgpEncoder.Announce([IPAddress.Parse("2001:db8:1::1")], new RouteAttributes(64513, false, true, NextHop6)));

        Assert.Equal(
            Bytes("M 004D 02 0000 0036 80 0E 26 0002 01 10 20010DB8000000000000000000000007 00 80 20010DB8000100000000000000000001 40 01 01 00 40 02 06 02 01 0000FC01"),
            update);
    }

    [Theory]
    [InlineData("203.0.113.1", "M 001C 02 0005 20 CB007101 0000")]
    [InlineData("2001:db8:1::1", "M 002E 02 0000 0017 80 0F 14 0002 01 80 20010DB8000100000000000000000001")]
    public void Withdraw_OneAddress_NamesItAlone(string address, string expected)
    {
        var gone = IPAddress.Parse(address);

        Assert.Equal(Bytes(expected), Assert.Single(BgpEncoder.Withdraw([gone], gone.AddressFamily)));
    }

    [Theory]
    [InlineData("10.0.0.0")]
    [InlineData("2001:db8::")]
    public void AnnounceAndWithdraw_ThousandsOfAddresses_FillMessagesThatAreNoneTooLong(string first)
    {
        var bytes = IPAddress.Parse(first).GetAddressBytes();
        var addresses = Enumerable.Range(0, 2000).Select(i => new IPAddress([.. bytes[..^2], (byte)(i >> 8), (byte)i])).ToList();
        var nextHop = bytes.Length == 4 ? NextHop : NextHop6;

        foreach (var messages in (List<byte[]>[])[
            [.. BgpEncoder.Announce(addresses, new RouteAttributes(4200000000, false, false, nextHop))], [.. BgpEncoder.Withdraw(addresses, nextHop.AddressFamily)]])
        {
            Assert.All(messages, message =>
            {
                Assert.True(BgpDecoder.TryReadHeader(message, out var type, out var length, out _));
                Assert.Equal((BgpType.Update, message.Length - BgpDecoder.HeaderLength), (type, length));
                Assert.IsType<UpdateMessage>(BgpDecoder.Decode(type, message.AsSpan(BgpDecoder.HeaderLength), out _));
            });
            Assert.Equal(2000, addresses.Count(address => messages.Any(message => message.AsSpan().IndexOf([(byte)(bytes.Length * 8), .. address.GetAddressBytes()]) > 0)));
            Assert.InRange(messages.Count, 2, 10);
        }
    }

    internal static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace("M", Marker, StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal));
}
