using System.Net;
using Fairlead.ApiServer.Allocation;
using Xunit;

namespace Fairlead.Unit.ApiServer.Resources;

public sealed class AddressRangeTests
{
    [Theory]
    [InlineData("10.96.0.0/16", 65534, 257, "10.96.0.1", "10.96.255.254")]
    [InlineData("10.96.0.0/12", 1048574, 257, "10.96.0.1", "10.111.255.254")]
    [InlineData("192.0.2.0/30", 2, 17, "192.0.2.1", "192.0.2.2")]
    [InlineData("fd00:96::/108", 1048575, 257, "fd00:96::1", "fd00:96::f:ffff")]
    [InlineData("fd00:96::/64", int.MaxValue - 1, 257, "fd00:96::1", "fd00:96::7fff:fffe")]
    public void Addresses_OfARange(string network, int size, int firstDynamic, string first, string last)
    {
        var range = new AddressRange(IPNetwork.Parse(network));

        Assert.Equal((size, firstDynamic), (range.Size, range.FirstDynamicOffset));
        Assert.Equal((first, last), (range.At(1).ToString(), range.At(range.Size).ToString()));
        Assert.True(range.Contains(range.At(1)) && range.Contains(range.At(range.Size)));
        Assert.False(range.Contains(range.At(0)));
        Assert.False(range.Contains(IPAddress.Parse("198.51.100.1")) || range.Contains(IPAddress.Parse("2001:db8::1")));
    }

    [Theory]
    [InlineData("10.96.0.0/16", "10.96.255.255")]
    [InlineData("10.96.0.0/16", "10.97.0.1")]
    [InlineData("fd00:96::/108", "fd00:96::")]
    [InlineData("fd00:96::/108", "fd00:96::10:0")]
    public void Contains_NotTheNetworksOwnNorForeignAddresses(string network, string address) =>
        Assert.False(new AddressRange(IPNetwork.Parse(network)).Contains(IPAddress.Parse(address)));
}
