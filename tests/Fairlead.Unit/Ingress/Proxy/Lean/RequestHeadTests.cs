using System.Text;
using CsCheck;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy.Lean;

/// <summary>RFC 9112 as a table, and that it does not matter how a head arrives.</summary>
public sealed class RequestHeadTests
{
    private const string Line = "GET / HTTP/1.1\r\n";

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("GET /?a=b%20c HTTP/1.1\r\nhost:a:80\r\nX:\t v w \t\r\nEmpty:\r\n\r\n")]
    [InlineData("PATCH /~!$&'()*+,;=:@ HTTP/1.1\r\nHost:\r\nContent-Length: 000\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: [::1]:8080\r\nTransfer-Encoding: Chunked\r\nX-\u00e9: 1\r\n\r\n", 400)]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nX: \u00e9\r\nExpect: 100-Continue\r\nContent-Length: 999999999999999999\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\nHost: a\n\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET / http/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.11\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505)]
    [InlineData("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("/ HTTP/1.1\r\nHost: a\r\n\r\n", 400)]
    [InlineData("GET\r\n\r\n", 400)]
    [InlineData("\u0016\u0003\u0001\n", 400)]
    [InlineData(Line + " Host: a\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\n folded\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\n\tfolded\r\n\r\n", 400)]
    [InlineData(Line + "Host : a\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\n: b\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nno colon\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nX: 1\r2\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nX: 1\u007f\r\n\r\n", 400)]
    [InlineData(Line + "Host: a b\r\n\r\n", 400)]
    [InlineData(Line + "Host: a/b\r\n\r\n", 400)]
    [InlineData(Line + "Host: user@a\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nContent-Length: +1\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nContent-Length: -1\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nContent-Length: 0x1\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nContent-Length: 1 2\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nContent-Length:\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nContent-Length: 9999999999999999999\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nTransfer-Encoding: \u000bchunked\r\n\r\n", 400)]
    [InlineData(Line + "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400)]
    public void Head_IsWhole_OrRefused(string text, int status = 0)
    {
        var head = new RequestHead();

        head.Read(Encoding.Latin1.GetBytes(text));

        Assert.Equal((status == 0 ? HeadState.Whole : HeadState.Refused, status), (head.State, head.Status));
        if (status == 0) Assert.Equal(text.Length, head.Length);
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n")]
    [InlineData("CONNECT a:80 HTTP/1.1\r\n")]
    [InlineData("OPTIONS * HTTP/1.1\r\n")]
    [InlineData("GET http://a/ HTTP/1.1\r\n")]
    [InlineData(Line + "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")]
    [InlineData(Line + "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")]
    [InlineData(Line + "Host: a\r\nExpect: the unexpected\r\n\r\n")]
    public void Rare_IsDeclined(string text)
    {
        var head = new RequestHead();

        Assert.Equal(HeadState.Declined, head.Read(Encoding.Latin1.GetBytes(text)));
    }

    [Fact]
    public void Connection_NamesFieldsOfThisHop_ButNotWhatFramesTheMessage()
    {
        var bytes = Encoding.Latin1.GetBytes(Line + "Host: a\r\nConnection: x-secret, Content-Length,host , close\r\nX-Secret: 1\r\nContent-Length: 2\r\n\r\n");
        var head = new RequestHead();
        head.Read(bytes);

        var writer = new HeadWriter(new byte[1000]);
        writer.WriteFields(head.Fields, bytes, FieldKinds.HopByHop);

        Assert.True(head.WantsClose);
        Assert.Equal("Host: a\r\nContent-Length: 2\r\n".Length, writer.Length);
    }

    private static readonly Gen<string> Pieces = Gen.OneOf(new[] {
        "GET", "POST", " ", "  ", "/", "/a?b", "HTTP/1.1", "HTTP/1.0", "\r\n", "\r", "\n", "\r\n\r\n", "Host: a", "Host", ":", "\t", "Content-Length: 5", "Content-Length: 5x",
        "Transfer-Encoding: chunked", "Connection: close", "X: y", "\0", "\u00ff", "Upgrade: x", new string('z', 9000), new string('w', 40000) }.Select(piece => Gen.Const(piece)).ToArray());

    /// <summary>Mostly sound heads with something thrown in, cut anywhere.</summary>
    [Fact]
    public void Head_CutAnywhere_ReadsTheSame()
    {
        var garbled = Gen.Select(Pieces.Array[0, 4], Gen.Int[0, 3], Gen.Const(new[] { Line, "Host: a\r\n", "X: y\r\n", "\r\n" }), (extra, at, sound) => string.Concat(sound.Take(at)) + string.Concat(extra) + string.Concat(sound.Skip(at)));
        Gen.Select(garbled, Gen.Int[1, 5000].Array[0, 12]).Sample((text, cuts) =>
        {
            var bytes = Encoding.Latin1.GetBytes(text);
            var (whole, cut) = (new RequestHead(), new RequestHead());
            whole.Read(bytes);
            foreach (var end in cuts.Select(cut => cut % (bytes.Length + 1)).Order()) cut.Read(bytes.AsSpan(0, end));
            cut.Read(bytes);
            Assert.Equal(Of(whole), Of(cut));
        }, iter: 3000);
    }

    [Fact]
    public void Head_ByteByByte_ReadsTheSame()
    {
        var bytes = Encoding.Latin1.GetBytes("\r\nPOST /a HTTP/1.1\r\nHost: a\r\nX: 1\r\nContent-Length: 5\r\n\r\nhello");
        var (whole, cut) = (new RequestHead(), new RequestHead());
        whole.Read(bytes);
        for (var end = 1; end <= bytes.Length; end++) cut.Read(bytes.AsSpan(0, end));
        Assert.Equal(Of(whole), Of(cut));
        Assert.Equal((HeadState.Whole, 5L), (cut.State, cut.BodyLength));
    }

    private static (HeadState, int, int, int, int, long, string) Of(RequestHead head) => head.State == HeadState.Whole
        ? (head.State, head.Status, head.Length, head.TargetStart, head.TargetLength, head.BodyLength, string.Join(';', head.Fields.All.ToArray()))
        : (head.State, head.Status, 0, 0, 0, 0, "");
}
