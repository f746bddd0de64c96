using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Endpoints;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class EndpointsPlanTests
{
    private static string Show(EndpointsDraft draft) => string.Join(" | ", draft.Subsets.Select(subset =>
        $"{string.Join(',', subset.Ready.Select(a => a.Ip))}/{string.Join(',', subset.NotReady.Select(a => a.Ip))}:{string.Join(',', subset.Ports.Select(p => p.Name + p.Port))}"));

    [Fact]
    public void Draft_ReadyAndNotReady_ShareASubset()
    {
        var draft = EndpointsPlan.Draft(Given.Service(), [Given.Pod("b", ip: "10.0.0.2"), Given.Pod("a", ip: "10.0.0.1"), Given.Pod("c", ip: "10.0.0.3", ready: false)]);
        Assert.Equal("10.0.0.1,10.0.0.2/10.0.0.3:8080", Show(draft));
        Assert.Equal(Given.Map("endpoints.kubernetes.io/managed-by=endpoint-controller"), draft.Labels);
    }

    [Fact]
    public void Draft_TerminatingPod_IsOutUnlessTheServiceWantsAll()
    {
        PodItem[] pods = [Given.Pod("a", ip: "10.0.0.1").Deleting(), Given.Pod("b", ip: "10.0.0.2", ready: false)];
        Assert.Equal("/10.0.0.2:8080", Show(EndpointsPlan.Draft(Given.Service(), pods)));
        Assert.Equal("10.0.0.1,10.0.0.2/:8080", Show(EndpointsPlan.Draft(Given.Service() with { PublishNotReady = true }, pods)));
    }

    [Fact]
    public void Draft_PodsWithDifferentPorts_MakeSeveralSubsets()
    {
        var service = Given.Service(ports: [new ServicePortItem("web", "TCP", 80, 0, "http", ""), new ServicePortItem("admin", "TCP", 90, 9000, "", "")]);
        PodItem[] pods =
        [
            Given.Pod("a", ip: "10.0.0.1") with { Ports = [new PodPort("http", 8080, "TCP", 0, "")] },
            Given.Pod("b", ip: "10.0.0.2") with { Ports = [new PodPort("http", 8081, "TCP", 0, "")] },
            Given.Pod("c", ip: "10.0.0.3"),
        ];
        Assert.Equal("10.0.0.3/:admin9000 | 10.0.0.1/:admin9000,web8080 | 10.0.0.2/:admin9000,web8081", Show(EndpointsPlan.Draft(service, pods)));
    }

    [Fact]
    public void Draft_WithoutPorts_ListsAddressesOfHeadlessServicesOnly()
    {
        var service = Given.Service() with { Ports = [] };
        Assert.Equal("", Show(EndpointsPlan.Draft(service, [Given.Pod("a")])));
        Assert.Equal("10.244.0.5/:", Show(EndpointsPlan.Draft(service with { IsHeadless = true }, [Given.Pod("a")])));
    }

    [Fact]
    public void Draft_OverCapacity_KeepsReadyAddressesFirst()
    {
        var pods = Enumerable.Range(0, 1200).Select(i => Given.Pod($"p{i:D4}", ip: $"10.{i / 250}.0.{i % 250}", ready: i >= 300));
        var draft = EndpointsPlan.Draft(Given.Service(), pods);
        Assert.True(draft.IsTruncated);
        Assert.Equal((900, 100), (draft.Subsets[0].Ready.Count, draft.Subsets[0].NotReady.Count));
    }
}
