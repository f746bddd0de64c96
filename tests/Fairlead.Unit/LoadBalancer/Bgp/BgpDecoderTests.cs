using System.Net.Sockets;
using Fairlead.LoadBalancer.Bgp.Wire;
using Fairlead.Unit.Fuzz;
using Xunit;

namespace Fairlead.Unit.LoadBalancer.Bgp;

public sealed class BgpDecoderTests
{
    private const string Open = "04 FC00 005A C0000201";

    [Theory]
    [InlineData("M 0013 04", BgpType.Keepalive, 0)]
    [InlineData("M 001D 01", BgpType.Open, 10)]
    [InlineData("M 1000 02", BgpType.Update, 4077)]
    [InlineData("M 0017 05", BgpType.RouteRefresh, 4)]
    internal void TryReadHeader_Right_AnswersTypeAndLength(string header, BgpType type, int length)
    {
        Assert.True(BgpDecoder.TryReadHeader(BgpEncoderTests.Bytes(header), out var found, out var body, out _));
        Assert.Equal((type, length), (found, body));
    }

    /// <summary>Header → code, subcode and data of the NOTIFICATION (RFC 4271 section 6.1).</summary>
    [Theory]
    [InlineData("FEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF 0013 04", "01 01")]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00 0013 04", "01 01")]
    [InlineData("M 0013 00", "01 03 00")]
    [InlineData("M 0013 06", "01 03 06")]
    [InlineData("M 0012 04", "01 02 0012")]
    [InlineData("M 0014 04", "01 02 0014")]
    [InlineData("M 001C 01", "01 02 001C")]
    [InlineData("M 0016 02", "01 02 0016")]
    [InlineData("M 0014 03", "01 02 0014")]
    [InlineData("M 0016 05", "01 02 0016")]
    [InlineData("M 0018 05", "01 02 0018")]
    [InlineData("M 1001 02", "01 02 1001")]
    [InlineData("M FFFF 02", "01 02 FFFF")]
    public void TryReadHeader_Wrong_AnswersTheFault(string header, string expected)
    {
        Assert.False(BgpDecoder.TryReadHeader(BgpEncoderTests.Bytes(header), out _, out _, out var fault));
        Assert.Equal(Fault(expected), fault);
    }

    [Fact]
    public void Decode_OpenWithCapabilities_TakesTheFourOctetsAndFamilies()
    {
        // Route refresh, IPv4, IPv6, a family of no concern (EVPN), four octets, and one that nobody knows, in two parameters.
        var open = Assert.IsType<OpenMessage>(Decode(BgpType.Open, "04 5BA0 00B4 C0000201 22 02 14 02 00 01 04 0001 00 01 01 04 0002 00 01 01 04 0019 00 46 02 0A 41 04 FA56EA00 C8 02 ABCD", out _));

        Assert.Equal((4200000000u, (ushort)180, 0xC0000201u, true, true), (open.As, open.HoldSeconds, open.Identifier, open.HasFourOctetAs, open.HasRouteRefresh));
        Assert.Equal([AddressFamily.InterNetwork, AddressFamily.InterNetworkV6], open.Families!);
    }

    [Fact]
    public void Decode_OpenOfAnOldSpeaker_HasNoFamiliesAndTwoOctets()
    {
        var open = Assert.IsType<OpenMessage>(Decode(BgpType.Open, $"{Open} 00", out _));

        Assert.Equal((64512u, false, false, null), (open.As, open.HasFourOctetAs, open.HasRouteRefresh, open.Families));
    }

    [Theory]
    [InlineData("03 FC00 005A C0000201 00", "02 01 0004")]
    // Lengths that do not fit: of the parameters, of one, of a capability.
    [InlineData($"{Open} 01", "02 00")]
    [InlineData($"{Open} 00 02", "02 00")]
    [InlineData($"{Open} 01 02", "02 00")]
    [InlineData($"{Open} 03 02 05 41", "02 00")]
    [InlineData($"{Open} 03 02 01 41", "02 00")]
    [InlineData($"{Open} 04 02 02 41 04", "02 00")]
    [InlineData($"{Open} 06 02 04 41 02 0001", "02 00")]
    [InlineData($"{Open} 06 02 04 01 02 0001", "02 00")]
    // Authentication of RFC 1771.
    [InlineData($"{Open} 03 01 01 00", "02 04")]
    public void Decode_WrongOpen_AnswersTheFault(string body, string expected)
    {
        Assert.Null(Decode(BgpType.Open, body, out var fault));
        Assert.Equal(Fault(expected), fault);
    }

    [Theory]
    [InlineData("0000 0000", true)]
    [InlineData("0005 20 CB007101 0000", true)]
    [InlineData("0000 0004 40 01 01 00 20 CB007101", true)]
    [InlineData("0001 0000", false)]
    [InlineData("FFFF 0000", false)]
    [InlineData("0000 0001", false)]
    [InlineData("0000 FFFF 40", false)]
    public void Decode_Update_LooksAtItsFrame(string body, bool isRight)
    {
        Assert.Equal(isRight, Decode(BgpType.Update, body, out var fault) is UpdateMessage);
        Assert.Equal(isRight ? null : BgpFault.MalformedAttributes, fault);
    }

    [Theory]
    [InlineData("0001 00 01", AddressFamily.InterNetwork)]
    [InlineData("0002 00 01", AddressFamily.InterNetworkV6)]
    [InlineData("0001 00 80", null)]
    [InlineData("0019 00 01", null)]
    public void Decode_RouteRefresh_NamesAFamilyOfUnicast(string body, AddressFamily? expected) =>
        Assert.Equal(expected, Assert.IsType<RouteRefreshMessage>(Decode(BgpType.RouteRefresh, body, out _)).Family);

    [Theory]
    [InlineData("06 02", "cease: administrative shutdown")]
    // Words of the operator's (RFC 9003), on one line; and lengths that are none.
    [InlineData("06 02 07 627965 0A 627965", "cease: administrative shutdown (bye bye)")]
    [InlineData("06 02 09 627965", "cease: administrative shutdown")]
    [InlineData("02 02", "OPEN message error: bad peer AS")]
    [InlineData("04 00", "hold timer expired")]
    [InlineData("06 FA", "cease: subcode 250")]
    [InlineData("63 01", "error 99: subcode 1")]
    public void Decode_Notification_SaysItInWords(string body, string expected) =>
        Assert.Equal(expected, Assert.IsType<NotificationMessage>(Decode(BgpType.Notification, body, out _)).Fault.ToString());

    [Fact]
    public void Decode_AnyBytes_AnswersAMessageOrAFault()
    {
        List<byte[]> corpus =
        [
            BgpEncoderTests.Bytes("M 002D 01 04 FC00 005A C0000207 10 02 0E 01 04 0001 00 01 02 00 41 04 0000FC00"),
            BgpEncoderTests.Bytes("M 0023 02 0000 0007 40 01 01 00 40 02 00 20 CB007101"),
            BgpEncoderTests.Bytes("M 0018 03 06 02 02 6279"),
            BgpEncoderTests.Bytes("M 0017 05 0001 00 01"),
            BgpEncoderTests.Bytes("M 0013 04"),
        ];

        FuzzRun.Search(20_000, new ByteChanges(corpus).Next, Target, input => Convert.ToHexString(input));

        static void Target(byte[] input)
        {
            if (input.Length < BgpDecoder.HeaderLength || !BgpDecoder.TryReadHeader(input, out var type, out var length, out _) || input.Length < BgpDecoder.HeaderLength + length) return;
            var message = BgpDecoder.Decode(type, input.AsSpan(BgpDecoder.HeaderLength, length), out var fault);
            Assert.True(message is null != fault is null);
            Assert.NotNull((message as NotificationMessage)?.Fault.ToString() ?? "");
        }
    }

    private static BgpMessage? Decode(BgpType type, string body, out BgpFault? fault) => BgpDecoder.Decode(type, BgpEncoderTests.Bytes(body), out fault);

    private static BgpFault Fault(string hex) => BgpEncoderTests.Bytes(hex) is var bytes ? BgpFault.Of(bytes[0], bytes[1], bytes[2..]) : throw new InvalidOperationException();
}
