using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.LoadBalancer;
using Fairlead.LoadBalancer.Allocate;
using Xunit;

namespace Fairlead.Unit.LoadBalancer;

public sealed class AllocationPlanTests
{
    private static readonly AddressRange[] Pools = [Range("192.0.2.1-192.0.2.3")];

    /// <summary>Requested, held, taken by others → address, or what the failure says.</summary>
    public static TheoryData<string?, string?, string[], string?, string?> Cases => new()
    {
        { null, null, [], "192.0.2.1", null },
        { null, null, ["192.0.2.1"], "192.0.2.2", null },
        { null, "192.0.2.3", [], "192.0.2.3", null },
        { null, "198.51.100.1", [], "192.0.2.1", null },
        { null, null, ["192.0.2.1", "192.0.2.2", "192.0.2.3"], null, "no available IPs" },
        { "192.0.2.2", null, [], "192.0.2.2", null },
        { "192.0.2.2", "192.0.2.1", [], "192.0.2.2", null },
        { "192.0.2.2", null, ["192.0.2.2"], null, "already in use" },
        { "198.51.100.1", null, [], null, "not allowed in config" },
        { "anything", null, [], null, "not an address" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Decide_Service_GetsTheAddressThatTheRulesSay(string? requested, string? held, string[] taken, string? address, string? failure)
    {
        var service = Service(requested, held);

        var decision = AllocationPlan.Decide(service, [.. taken.Select(Other)], Pools);

        Assert.Equal(address is null ? [] : [address], decision.Addresses);
        if (failure is null) Assert.Null(decision.Failure);
        else Assert.Contains(failure, decision.Failure, StringComparison.Ordinal);
    }

    /// <summary>Keys, ports and policies of the one that is there and of the one that comes → whether it gets the same address.</summary>
    [Theory]
    [InlineData("a", "TCP/80", false, "a", "TCP/443", false, true)]
    [InlineData("a", "TCP/53", false, "a", "UDP/53", false, true)]
    [InlineData("a", "TCP/80", false, "a", "TCP/80", false, false)]
    [InlineData("a", "TCP/80", false, "b", "TCP/443", false, false)]
    [InlineData(null, "TCP/80", false, null, "TCP/443", false, false)]
    [InlineData("a", "TCP/80", true, "a", "TCP/443", false, false)]
    [InlineData("a", "TCP/80", true, "a", "TCP/443", true, true)]
    public void Decide_SharingKeys_ShareWhereTheyMay(string? key, string ports, bool local, string? otherKey, string otherPorts, bool otherLocal, bool shares)
    {
        var there = Other("192.0.2.2") with { SharingKey = key, Ports = new([ports]), LocalOnly = local, Selector = "app=a" };
        var comes = Service() with { LocalOnly = otherLocal, SharingKey = otherKey, Ports = new([otherPorts]), Selector = "app=a" };

        Assert.Equal([shares ? "192.0.2.2" : "192.0.2.1"], AllocationPlan.Decide(comes, [there], Pools).Addresses);
        Assert.Equal(shares, AllocationPlan.Decide(comes with { Requested = new(["192.0.2.2"]) }, [there], Pools).Failure is null);
    }

    private const string Both = "192.0.2.1-192.0.2.3,2001:db8::/126";

    /// <summary>Pools, the service's families, whether it needs all of them, requested, held, taken by others → addresses, or what the failure says.</summary>
    [Theory]
    [InlineData(Both, "IPv6", false, "", "", "", "2001:db8::", null)]
    [InlineData(Both, "IPv6", false, "", "", "2001:db8::", "2001:db8::1", null)]
    [InlineData(Both, "IPv4,IPv6", true, "", "", "", "192.0.2.1,2001:db8::", null)]
    [InlineData(Both, "IPv6,IPv4", false, "", "", "", "2001:db8::,192.0.2.1", null)]
    [InlineData(Both, "IPv4,IPv6", false, "", "192.0.2.2", "", "192.0.2.2,2001:db8::", null)]
    [InlineData(Both, "IPv4,IPv6", false, "2001:0db8::3,192.0.2.3", "", "", "192.0.2.3,2001:db8::3", null)]
    [InlineData(Both, "IPv4,IPv6", false, "2001:db8::3", "", "", "192.0.2.1,2001:db8::3", null)]
    [InlineData(Both, "IPv4", false, "", "192.0.2.2,2001:db8::", "", "192.0.2.2", null)]
    [InlineData("192.0.2.0/30", "IPv4,IPv6", false, "", "", "", "192.0.2.0", null)]
    [InlineData("192.0.2.0/30", "IPv4,IPv6", true, "", "", "", "", "no available IPv6 IPs")]
    [InlineData("192.0.2.0/30", "IPv6", false, "", "", "", "", "no available IPs")]
    [InlineData("192.0.2.1-192.0.2.1,2001:db8::/126", "IPv4,IPv6", false, "", "", "192.0.2.1", "", "no available IPv4 IPs")]
    [InlineData(Both, "IPv4", false, "2001:db8::3", "", "", "", "does not match the ipFamilies of the service, IPv4")]
    [InlineData(Both, "IPv4,IPv6", false, "192.0.2.1,192.0.2.2", "", "", "", "second IPv4 address")]
    [InlineData(Both, "IPv4,IPv6", false, "192.0.2.1,2001:db8::3", "", "2001:db8::3", "", "2001:db8::3 is already in use")]
    public void Decide_BothFamilies_EachHasAnAddress(string pools, string families, bool needsAll, string requested, string held, string taken, string addresses, string? failure)
    {
        var service = Service(requested, held) with { Families = new(Words(families).Select(family => family == "IPv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork)), NeedsAllFamilies = needsAll };

        var decision = AllocationPlan.Decide(service, [.. Words(taken).Select(Other)], [.. Words(pools).Select(Range)]);

        Assert.Equal(Words(addresses), decision.Addresses);
        if (failure is null) Assert.Null(decision.Failure);
        else Assert.Contains(failure, decision.Failure, StringComparison.Ordinal);
    }

    private static BalancedService Service(string? requested = null, string? held = null) =>
        new(new ObjectKey("default", "web"), "uid", new(Words(requested)), new(Words(held)), LocalOnly: false);

    private static BalancedService Other(string address) => new(new ObjectKey("default", "other" + address), "other", new([]), new([address]), LocalOnly: false);

    private static string[] Words(string? text) => (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);

    [Theory]
    [InlineData("192.0.2.0/30", 4)]
    [InlineData("255.255.255.254-255.255.255.255", 2)]
    [InlineData("2001:db8::/126", 4)]
    [InlineData("2001:db8::fffe-2001:db8::1:1", 4)]
    [InlineData("192.0.2.7-192.0.2.7", 1)]
    [InlineData("192.0.2.254-192.0.3.1", 4)]
    public void Range_Written_HoldsThatMany(string text, int count) => Assert.Equal(count, Range(text).All().Count());

    [Theory]
    [InlineData("192.0.2.9-192.0.2.1")]
    [InlineData("192.0.2.1")]
    [InlineData("192.0.2.1-2001:db8::1")]
    [InlineData("2001:db8::2-2001:db8::1")]
    [InlineData("")]
    public void Range_Wrong_IsRefused(string text) => Assert.False(AddressRange.TryParse(text, out _));

    [Fact]
    public void Range_OfAllIPv6_IsCountedFromItsFirst() => Assert.Equal(["::", "::1"], Range("::/0").All().Take(2).Select(address => address.ToString()));

    private static AddressRange Range(string text) => AddressRange.TryParse(text, out var range) ? range : throw new FormatException(text);
}
