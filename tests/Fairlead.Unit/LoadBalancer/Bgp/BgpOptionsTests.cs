using System.Net;
using Fairlead.LoadBalancer.Bgp;
using Xunit;

namespace Fairlead.Unit.LoadBalancer.Bgp;

public sealed class BgpOptionsTests : IDisposable
{
    private readonly string _password = Path.GetTempFileName();

    [Theory]
    [InlineData("192.0.2.1,as=64512", "192.0.2.1:179", 64512u, 90)]
    [InlineData("192.0.2.1:1790,as=4200000000,hold-time=30s", "192.0.2.1:1790", 4200000000u, 30)]
    [InlineData("2001:db8::1, as=1, hold-time=0", "[2001:db8::1]:179", 1u, 0)]
    [InlineData("[2001:db8::1],as=64512", "[2001:db8::1]:179", 64512u, 90)]
    [InlineData("[2001:db8::1]:1790,hold-time=3,as=64512", "[2001:db8::1]:1790", 64512u, 3)]
    public void Parse_OnePeer_IsRead(string text, string endPoint, uint number, int hold)
    {
        var (options, errors) = BgpOptions.Parse([text], "64513");

        Assert.Empty(errors);
        Assert.Equal(64513u, options!.LocalAs);
        Assert.Equal(new BgpPeer(IPEndPoint.Parse(endPoint), number) { HoldTime = TimeSpan.FromSeconds(hold) }, Assert.Single(options.Peers));
    }

    [Theory]
    [InlineData("router,as=64512", "64513", "\"router\" is not an address, or address:port")]
    [InlineData("12,as=64512", "64513", "\"12\" is not an address, or address:port")]
    [InlineData("192.0.2.1:99999,as=64512", "64513", "\"192.0.2.1:99999\" is not an address, or address:port")]
    [InlineData("192.0.2.1:0,as=64512", "64513", "\"192.0.2.1:0\" is not an address, or address:port")]
    [InlineData("[2001:db8::1]:0,as=64512", "64513", "\"[2001:db8::1]:0\" is not an address, or address:port")]
    [InlineData("fe80::1,as=64512", "64513", "a link-local address will not do")]
    [InlineData("192.0.2.1", "64513", "its AS is needed, for example 192.0.2.1,as=64512")]
    [InlineData("192.0.2.1,as=0", "64513", "\"as=0\" is not an AS number")]
    [InlineData("192.0.2.1,as=23456", "64513", "\"as=23456\" is not an AS number")]
    [InlineData("192.0.2.1,as=4294967296", "64513", "\"as=4294967296\" is not an AS number")]
    [InlineData("192.0.2.1,as", "64513", "\"as\" is not an AS number")]
    [InlineData("192.0.2.1,as=64512,hold-time=2", "64513", "\"hold-time=2\" is not a number of seconds, 0 or 3–65535")]
    [InlineData("192.0.2.1,as=64512,hold-time=65536", "64513", "\"hold-time=65536\" is not a number of seconds")]
    [InlineData("192.0.2.1,as=64512,password-file=/no/such", "64513", "cannot be read")]
    [InlineData("192.0.2.1,as=64512,colour=blue", "64513", "\"colour=blue\" is not known")]
    [InlineData("192.0.2.1,as=64512", null, "--bgp-as is needed")]
    [InlineData("192.0.2.1,as=64512", "x", "--bgp-as x is not an AS number")]
    public void Parse_Wrong_SaysWhat(string text, string? localAs, string expected)
    {
        var (options, errors) = BgpOptions.Parse([text], localAs);

        Assert.Null(options);
        Assert.Contains(expected, Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_SeveralFaults_AllAreTold() => Assert.Equal(3, BgpOptions.Parse(["a,as=1", "192.0.2.1,as=0", "192.0.2.2,as=2"], "0").Errors.Count);

    [Fact]
    public void Parse_OnePeerTwice_IsRefused() => Assert.Equal(["--bgp-peer 192.0.2.1:179 is given more than once"], BgpOptions.Parse(["192.0.2.1,as=1", "192.0.2.1:179,as=2"], "3").Errors);

    [Theory]
    [InlineData("s3cret\n", "s3cret")]
    [InlineData("", null)]
    public void Parse_PasswordFile_IsReadWithoutItsLineBreak(string content, string? expected)
    {
        File.WriteAllText(_password, content);

        Assert.Equal(expected, BgpOptions.Parse([$"192.0.2.1,as=1,password-file={_password}"], "2").Options?.Peers[0].Password);
    }

    [Fact]
    public void Identifier_OfANode_IsItsIPv4AddressOrOfItsName()
    {
        Assert.Equal(0xC0000201u, BgpOptions.Identifier("a", IPAddress.Parse("192.0.2.1")));
        Assert.NotEqual(BgpOptions.Identifier("a", IPAddress.IPv6Loopback), BgpOptions.Identifier("b", IPAddress.IPv6Loopback));
    }

    public void Dispose() => File.Delete(_password);
}
