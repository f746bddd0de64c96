using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using CsCheck;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy.Lean;

/// <summary>PROXY protocol, versions 1 and 2.</summary>
public sealed class ProxyHeaderTests
{
    private const string Signature = "0D0A0D0A000D0A515549540A";

    [Theory]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1:56324")]
    [InlineData("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "[2001:db8::1]:1")]
    [InlineData("PROXY UNKNOWN\r\n", null)]
    [InlineData("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", null)]
    public void Line_IsRead_HoweverItIsCut(string line, string? client) => AssertRead(Encoding.Latin1.GetBytes(line), client);

    [Theory]
    [InlineData("2111000C" + "C0000201" + "C6336401" + "DC0401BB", "192.0.2.1:56324")]
    [InlineData("21110010" + "C0000201" + "C6336401" + "DC0401BB" + "04000100", "192.0.2.1:56324")]
    [InlineData("21210024" + "20010DB8000000000000000000000001" + "20010DB8000000000000000000000002" + "000101BB", "[2001:db8::1]:1")]
    [InlineData("21210024" + "00000000000000000000FFFFC0000201" + "20010DB8000000000000000000000002" + "000101BB", "192.0.2.1:1")]
    [InlineData("20000000", null)]
    [InlineData("2011000C" + "C0000201" + "C6336401" + "DC0401BB", null)]
    [InlineData("21000000", null)]
    public void Block_IsRead_HoweverItIsCut(string rest, string? client) => AssertRead(Convert.FromHexString(Signature + rest), client);

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n")]
    [InlineData("PROXY TCP4 2001:db8::1 2001:db8::2 1 1\r\n")]
    [InlineData("PROXY TCP4 1 198.51.100.1 56324 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n")]
    [InlineData("PROXY TCP6 fe80::1%lo 2001:db8::2 1 1\r\n")]
    [InlineData("PROXY  TCP4 192.0.2.1 198.51.100.1 1 1\r\n")]
    [InlineData("proxy TCP4 192.0.2.1 198.51.100.1 1 1\r\n")]
    [InlineData("PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c............")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x22\x11\0\x0c............")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x08........")]
    [InlineData("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff")]
    public void Others_AreRefused(string text) => Assert.Equal(HeadState.Refused, ProxyHeader.Read(Encoding.Latin1.GetBytes(text)).State);

    [Fact]
    public void AnyBytes_AreReadWithinTheirBounds() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        foreach (var whole in new[] { bytes, [.. "PROXY "u8, .. bytes], [.. Convert.FromHexString(Signature), .. bytes] })
        {
            var header = ProxyHeader.Read(whole);
            Assert.True(header.State != HeadState.Whole || header.Length <= whole.Length);
        }
    });

    [Theory]
    [InlineData("lean.example.com")]
    [InlineData("kestrel.example.com")]
    public async Task Client_IsWhomTheBalancerNames_InEitherPath_WithAndWithoutTls(string host)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Start(pod, "127.0.0.0/8");
        var request = $"GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n";

        Assert.Equal(200, Front.Status(await front.RawAsync($"PROXY TCP4 192.0.2.1 198.51.100.1 56324 80\r\n{request}", untilClosed: true)));
        Assert.Equal(200, Front.Status(await front.RawAsync($"PROXY UNKNOWN\r\n{request}", untilClosed: true)));
        Assert.Equal(200, Front.Status(await TlsAsync(front, Convert.FromHexString(Signature + "2111000CC0000207C6336401DC0401BB"), request)));

        var clients = pod.Seen.Select(seen => (seen.Fields["X-Forwarded-For"], seen.Fields["X-Real-IP"])).ToList();
        Assert.Equal(("192.0.2.1", "192.0.2.1"), clients[0]);
        Assert.StartsWith("127.", clients[1].Item1, StringComparison.Ordinal);
        Assert.Equal(("192.0.2.7", "192.0.2.7"), clients[2]);
    }

    [Fact]
    public async Task Named_IsWhoRangesAreAskedFor()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Start(pod, "127.0.0.0/8");
        front.Objects.Ingress("few", "few.example.com", ["Prefix /"], ("whitelist-source-range", "192.0.2.0/24"));
        front.Commit();
        const string request = "GET / HTTP/1.1\r\nHost: few.example.com\r\nConnection: close\r\n\r\n";

        Assert.Equal(200, Front.Status(await front.RawAsync($"PROXY TCP4 192.0.2.1 198.51.100.1 1 80\r\n{request}", untilClosed: true)));
        Assert.Equal(403, Front.Status(await front.RawAsync($"PROXY TCP4 198.51.100.7 198.51.100.1 1 80\r\n{request}", untilClosed: true)));
    }

    [Fact]
    public async Task NoHeader_WhereOneMustBe_EndsTheConnection()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Start(pod, "127.0.0.0/8", TimeSpan.FromMilliseconds(500));

        Assert.Equal("", await front.RawAsync("GET / HTTP/1.1\r\nHost: lean.example.com\r\n\r\n", untilClosed: true));
        Assert.Equal("", await front.RawAsync("PROXY TCP4 192.0.2.1 ", untilClosed: true));
        Assert.Empty(pod.Seen);
    }

    [Theory]
    [InlineData("10.0.0.0/8")]
    [InlineData("")]
    public async Task Header_FromElsewhere_IsNoHttp(string trusted)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Start(pod, trusted);

        Assert.Equal(400, Front.Status(await front.RawAsync("PROXY TCP4 192.0.2.1 198.51.100.1 1 80\r\nGET / HTTP/1.1\r\nHost: lean.example.com\r\n\r\n", untilClosed: true)));
        Assert.Equal(200, Front.Status(await front.GetAsync("lean.example.com", "/")));
        Assert.Single(pod.Seen);
    }

    private static Front Start(Pod pod, string trusted, TimeSpan? patience = null)
    {
        var front = Front.Start(options => options with { HeaderTimeout = patience ?? options.HeaderTimeout, ProxyProtocolFrom = trusted.Length == 0 ? [] : [IPNetwork.Parse(trusted)] });
        front.Service("web", pod).Objects.Ingress("lean", "lean.example.com", ["Prefix /"]).Ingress("kestrel", "kestrel.example.com", ["Prefix /"], ("enable-cors", "true"));
        front.Commit();
        return front;
    }

    private static async Task<string> TlsAsync(Front front, byte[] header, string request)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(front.Https);
        await tcp.GetStream().WriteAsync(header);
#pragma warning disable CA5359 // Its certificate is its own.
        await using var tls = new SslStream(tcp.GetStream(), false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await tls.AuthenticateAsClientAsync("x");
        await tls.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(tls);
        return await reader.ReadToEndAsync();
    }

    private static void AssertRead(byte[] header, string? client)
    {
        for (var cut = 1; cut < header.Length; cut++) Assert.Equal(HeadState.Unfinished, ProxyHeader.Read(header.AsSpan(0, cut)).State);
        Assert.Equal(new ProxyHeader(HeadState.Whole, header.Length, client is null ? null : IPEndPoint.Parse(client)), ProxyHeader.Read([.. header, .. "GET "u8]));
    }
}
