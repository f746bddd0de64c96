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
        var service = new BalancedService(new ObjectKey("default", "web"), "uid", requested, held, LocalOnly: false);

        var decision = AllocationPlan.Decide(service, [.. taken.Select(Other)], Pools);

        Assert.Equal(address, decision.Address);
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
        var comes = new BalancedService(new ObjectKey("default", "web"), "uid", null, null, otherLocal) { SharingKey = otherKey, Ports = new([otherPorts]), Selector = "app=a" };

        Assert.Equal(shares ? "192.0.2.2" : "192.0.2.1", AllocationPlan.Decide(comes, [there], Pools).Address);
        Assert.Equal(shares, AllocationPlan.Decide(comes with { Requested = "192.0.2.2" }, [there], Pools).Address is not null);
    }

    private static BalancedService Other(string address) => new(new ObjectKey("default", "other" + address), "other", null, address, LocalOnly: false);

    [Theory]
    [InlineData("192.0.2.0/30", 4)]
    [InlineData("192.0.2.7-192.0.2.7", 1)]
    [InlineData("192.0.2.254-192.0.3.1", 4)]
    public void Range_Written_HoldsThatMany(string text, int count) => Assert.Equal(count, Range(text).All().Count());

    [Theory]
    [InlineData("192.0.2.9-192.0.2.1")]
    [InlineData("192.0.2.1")]
    [InlineData("2001:db8::/64")]
    [InlineData("")]
    public void Range_Wrong_IsRefused(string text) => Assert.False(AddressRange.TryParse(text, out _));

    private static AddressRange Range(string text) => AddressRange.TryParse(text, out var range) ? range : throw new FormatException(text);
}
