using Fairlead.Node.Streaming.Spdy;
using Xunit;

namespace Fairlead.Unit.Node.Spdy;

/// <summary>Bytes of SPDY/3.1 as peers send them, and as they should not.</summary>
public sealed class SpdyParserTests
{
    [Theory]
    [InlineData("80030001 00000010", SpdyFrameType.SynStream, 0, 0, 16)]
    [InlineData("80030002 01000004", SpdyFrameType.SynReply, 0, 1, 4)]
    [InlineData("80030006 00000004", SpdyFrameType.Ping, 0, 0, 4)]
    [InlineData("00000003 01000000", SpdyFrameType.Data, 3, 1, 0)]
    [InlineData("7FFFFFFF 00FFFFFF", SpdyFrameType.Data, int.MaxValue, 0, 0xFFFFFF)]
    public void Head_Valid_IsRead(string bytes, object type, int stream, byte flags, int length)
    {
        Assert.True(SpdyFrameHead.TryParse(Hex(bytes), out var head));
        Assert.Equal(new SpdyFrameHead((SpdyFrameType)type, stream, flags, length), head);
        var written = new byte[SpdyFrameHead.Size];
        head.Write(written);
        Assert.Equal(Hex(bytes), written);
    }

    [Theory]
    [InlineData("80020001 00000010")] // version 2
    [InlineData("80030000 00000000")] // a control frame of type 0 is none
    [InlineData("80030001 000000")]
    [InlineData("")]
    public void Head_OfAnotherKind_IsRefused(string bytes) => Assert.False(SpdyFrameHead.TryParse(Hex(bytes), out _));

    [Theory]
    [InlineData(SpdyFrameType.SynStream, "00000001 00000000 0000", 1, 0)]
    [InlineData(SpdyFrameType.SynReply, "80000005", 5, 0)] // the first bit is reserved
    [InlineData(SpdyFrameType.RstStream, "00000007 00000005", 7, 5)]
    [InlineData(SpdyFrameType.WindowUpdate, "00000000 00010000", 0, 65536)]
    [InlineData(SpdyFrameType.Ping, "00000001", 0, 1)]
    [InlineData(SpdyFrameType.GoAway, "00000009 00000000", 9, 0)]
    [InlineData(SpdyFrameType.Settings, "00000002 00000004 00000064 01000007 00020000", 0, 131072)]
    [InlineData(SpdyFrameType.Settings, "00000000", 0, 0)]
    [InlineData((SpdyFrameType)99, "", 0, 0)]
    public void Control_Valid_IsRead(object type, string payload, int stream, int value)
    {
        Assert.True(SpdyControl.TryParse((SpdyFrameType)type, Hex(payload), out var control));
        Assert.Equal((stream, value), (control.StreamId, control.Value));
    }

    [Theory]
    [InlineData(SpdyFrameType.SynStream, "00000001 00000000 00")]
    [InlineData(SpdyFrameType.SynReply, "000000")]
    [InlineData(SpdyFrameType.RstStream, "00000007 000000")]
    [InlineData(SpdyFrameType.Ping, "")]
    [InlineData(SpdyFrameType.Settings, "FFFFFFFF 00000004 00000064")]
    public void Control_Short_IsRefused(object type, string payload) => Assert.False(SpdyControl.TryParse((SpdyFrameType)type, Hex(payload), out _));

    /// <summary>Two blocks of one connection, made by zlib with the protocol's dictionary: the second refers back to the first.</summary>
    [Fact]
    public void Headers_OfZlibWithDictionary_AreRead()
    {
        var reader = new SpdyHeaderReader();
        Assert.Equal("error", Assert.Single(reader.Read(Hex("78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff"))!).Value);
        var second = reader.Read(Hex("02a5470c295029930829b08bc079c3c2c0c2004873164122381394f0190d00000000ffff"))!;
        Assert.Equal(("data", "8080", "0"), (second["streamtype"], second["port"], second["requestid"]));
    }

    [Fact]
    public void Headers_Written_AreReadAgain()
    {
        var (writer, reader) = (new SpdyHeaderWriter(), new SpdyHeaderReader());
        for (var i = 0; i < 20; i++)
        {
            var headers = new Dictionary<string, string> { ["streamtype"] = "data", ["port"] = $"{i}", ["text"] = new string('x', i * 100) };
            Assert.Equal(headers, reader.Read(writer.Write(headers)));
        }
        Assert.Empty(reader.Read(writer.Write(new Dictionary<string, string>()))!);
    }

    [Fact]
    public void Headers_ThatGrowBeyondMeasure_AreRefused() =>
        Assert.Null(new SpdyHeaderReader().Read(new SpdyHeaderWriter().Write(new Dictionary<string, string> { ["x"] = new string('x', 1 << 20) })));

    [Theory]
    [InlineData("00000001 00000001 61 00000001 62", "b")]
    [InlineData("00000001 00000001 61 00000003 62 00 63", "b")] // two values
    [InlineData("00000001 00000001 61 00000002 62", null)]
    [InlineData("00000001 FFFFFFFF 61", null)]
    [InlineData("00000002 00000001 61 00000001 62", null)]
    [InlineData("0000", null)]
    public void HeaderBlock_Plain_IsReadOrRefused(string bytes, string? value) => Assert.Equal(value, SpdyHeaderReader.Parse(Hex(bytes))?["a"]);

    [Fact]
    public void RandomBytes_ParsersNeverThrow()
    {
        var random = new Random(20);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            if (SpdyFrameHead.TryParse(bytes, out var head)) Assert.InRange(head.Length, 0, 0xFFFFFF);
            if (SpdyControl.TryParse((SpdyFrameType)random.Next(12), bytes, out var control)) Assert.InRange(control.Block.Length, 0, bytes.Length);
            SpdyHeaderReader.Parse(bytes);
        }
    }

    /// <summary>Noise, and good blocks with a few bytes changed, which get further into the decompression.</summary>
    [Fact]
    public void RandomBlocks_NeverThrow()
    {
        var random = new Random(21);
        var good = Hex("78f9e3c6a7c202a62346703a2b294a4dcc851625aca9a08006000000ffff");
        for (var round = 0; round < 2_000; round++)
        {
            var block = round % 2 == 0 ? (byte[])good.Clone() : new byte[random.Next(200)];
            if (round % 2 == 0) for (var i = 0; i < 3; i++) block[random.Next(block.Length)] = (byte)random.Next(256);
            else random.NextBytes(block);
            var reader = new SpdyHeaderReader();
            reader.Read(block);
            reader.Read(block);
        }
    }

    internal static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
