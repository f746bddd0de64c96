using System.Net;
using Fairlead.Kube;
using Fairlead.LoadBalancer;
using Fairlead.LoadBalancer.Bgp;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.LoadBalancer.Bgp;

public sealed class BgpPlanTests
{
    private static readonly ObjectKey Web = new("default", "web"), Other = new("default", "other");

    /// <summary>Policy, where the ready endpoints are, whether the node may receive → whether it announces.</summary>
    [Theory]
    [InlineData(false, "here", true, true)]
    [InlineData(false, "elsewhere", true, true)]
    [InlineData(false, "nowhere", true, false)]
    [InlineData(false, "no slice", true, false)]
    [InlineData(false, "here", false, false)]
    [InlineData(true, "here", true, true)]
    [InlineData(true, "elsewhere", true, false)]
    [InlineData(true, "nowhere", true, false)]
    [InlineData(true, "no slice", true, false)]
    [InlineData(true, "here", false, false)]
    public void Decide_OneAddress_IsAnnouncedWhereItIsServed(bool localOnly, string endpoints, bool mayReceive, bool expected)
    {
        List<ReadyEndpoints> slices = endpoints == "no slice" ? [] : [new(Web, endpoints != "nowhere", endpoints == "here")];

        var announced = BgpPlan.Decide([Service(Web, localOnly, "192.0.2.1")], slices, mayReceive);

        Assert.Equal(expected ? [IPAddress.Parse("192.0.2.1")] : [], announced);
    }

    [Fact]
    public void Decide_SeveralSlices_OneWithAnEndpointHereIsEnough() =>
        Assert.Single(BgpPlan.Decide([Service(Web, true, "192.0.2.1")], [new(Web, true, false), new(Web, true, true), new(Other, true, false)], true));

    [Fact]
    public void Decide_ServiceWithoutAddress_AnnouncesNothing() => Assert.Empty(BgpPlan.Decide([Service(Web, false)], [new(Web, true, true)], true));

    [Fact]
    public void Decide_BothFamilies_AreAnnouncedInAnOrderThatStays()
    {
        BalancedService[] services = [Service(Web, false, "2001:db8::1", "192.0.2.2"), Service(Other, false, "192.0.2.1")];
        ReadyEndpoints[] slices = [new(Web, true, true), new(Other, true, true)];

        var announced = BgpPlan.Decide(services, slices, true);

        Assert.Equal(["192.0.2.1", "192.0.2.2", "2001:db8::1"], announced.Select(address => address.ToString()));
        Assert.Equal(announced, BgpPlan.Decide(services.Reverse(), slices.Reverse(), true));
    }

    /// <summary>Two services with one address: of the first, of the second, the endpoints → announced.</summary>
    [Theory]
    [InlineData(false, true, false, false, true)]
    [InlineData(false, false, false, false, false)]
    [InlineData(true, true, true, true, true)]
    [InlineData(true, true, true, false, false)]
    public void Decide_SharedAddress_FollowsAllWhoUseIt(bool localOnly, bool firstAny, bool firstHere, bool secondHere, bool expected)
    {
        var announced = BgpPlan.Decide(
            [Service(Web, localOnly, "192.0.2.1"), Service(Other, localOnly, "192.0.2.1")], [new(Web, firstAny, firstHere), new(Other, secondHere, secondHere)], true);

        Assert.Equal(expected ? 1 : 0, announced.Count);
    }

    [Theory]
    [InlineData(true, "node1", true, true)]
    [InlineData(null, "node1", true, true)]
    [InlineData(true, "node2", true, false)]
    [InlineData(true, null, true, false)]
    [InlineData(false, "node1", false, false)]
    public void ReadyEndpoints_OfASlice_KnowsWhetherAnyAndWhetherHere(bool? ready, string? node, bool any, bool here)
    {
        var slice = new V1EndpointSlice
        {
            Metadata = new V1ObjectMeta { Name = "web-1", NamespaceProperty = "default", Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = "web" } },
            Endpoints = [new V1Endpoint { NodeName = node, Conditions = new V1EndpointConditions { Ready = ready } }],
        };

        Assert.Equal(new ReadyEndpoints(Web, any, here), ReadyEndpoints.Of(slice, "node1"));
    }

    private static BalancedService Service(ObjectKey key, bool localOnly, params string[] addresses) =>
        new(key, key.Name, new([]), new(addresses), localOnly);
}
