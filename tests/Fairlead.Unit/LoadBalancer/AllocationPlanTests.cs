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

        var decision = AllocationPlan.Decide(service, taken.ToHashSet(), Pools);

        Assert.Equal(address, decision.Address);
        if (failure is null) Assert.Null(decision.Failure);
        else Assert.Contains(failure, decision.Failure, StringComparison.Ordinal);
    }

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
