using Fairlead.Controllers.Cache;
using Fairlead.Controllers.EndpointSlices;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class EndpointSlicePlanTests
{
    private static SliceEndpoint Only(ServiceItem service, PodItem pod, NodeItem? node = null) =>
        EndpointSlicePlan.Groups(service, [pod], _ => node).Single().Endpoints.Single();

    [Theory]
    [InlineData(true, false, false, true, true, false)]
    [InlineData(false, false, false, false, false, false)]
    [InlineData(true, true, false, false, true, true)]
    [InlineData(false, true, false, false, false, true)]
    [InlineData(false, false, true, true, false, false)]
    [InlineData(true, true, true, true, true, true)]
    public void Conditions_FollowPodAndService(bool podReady, bool deleting, bool publish, bool ready, bool serving, bool terminating)
    {
        var pod = Given.Pod("a", ready: podReady);
        var endpoint = Only(Given.Service() with { PublishNotReady = publish }, deleting ? pod.Deleting() : pod);
        Assert.Equal((ready, serving, terminating), (endpoint.Ready, endpoint.Serving, endpoint.Terminating));
    }

    [Theory]
    [InlineData("Succeeded", "10.244.0.5", 0)]
    [InlineData("Failed", "10.244.0.5", 0)]
    [InlineData("Running", "", 0)]
    [InlineData("Running", "fd00::5", 0)]
    [InlineData("Running", "fd00::5,10.244.0.5", 1)]
    public void Groups_FinishedOrWithoutAddress_LeavesPodOut(string phase, string ips, int groups) =>
        Assert.Equal(groups, EndpointSlicePlan.Groups(Given.Service(), [Given.Pod("a", ip: ips) with { Phase = phase }], _ => null).Count);

    [Fact]
    public void Groups_NamedTargetPort_IsResolvedOnEachPod()
    {
        var service = Given.Service(ports: new ServicePortItem("web", "TCP", 80, 0, "http", "h2c"));
        PodItem[] pods =
        [
            Given.Pod("a", ip: "10.244.0.1") with { Ports = [new PodPort("http", 8080, "TCP", 0, "")] },
            Given.Pod("b", ip: "10.244.0.2") with { Ports = [new PodPort("http", 9090, "TCP", 0, "")] },
            Given.Pod("c", ip: "10.244.0.3") with { Ports = [new PodPort("http", 8080, "UDP", 0, "")] },
        ];
        var groups = EndpointSlicePlan.Groups(service, pods, _ => null);
        Assert.Equal(["8080:a", "9090:b", ":c"], groups.Select(group =>
            $"{string.Join(',', group.Ports.Select(port => port.Port))}:{string.Join(',', group.Endpoints.Select(endpoint => endpoint.Target!.Name))}"));
        Assert.Equal(new SlicePort("web", "TCP", 8080, "h2c"), groups[0].Ports[0]);
    }

    [Fact]
    public void Groups_DualStack_MakesOneGroupAFamily()
    {
        var service = Given.Service() with { Families = ["IPv4", "IPv6"] };
        var groups = EndpointSlicePlan.Groups(service, [Given.Pod("a", ip: "10.244.0.5,fd00::5")], _ => null);
        Assert.Equal(["IPv4 10.244.0.5", "IPv6 fd00::5"], groups.Select(group => $"{group.AddressType} {group.Endpoints[0].Addresses[0]}"));
    }

    [Theory]
    [InlineData("kubia", "web-0")]
    [InlineData("other", null)]
    public void Endpoint_Hostname_NeedsTheServiceAsSubdomain(string subdomain, string? expected) =>
        Assert.Equal(expected, Only(Given.Service(), Given.Pod("a") with { Hostname = "web-0", Subdomain = subdomain }).Hostname);

    [Theory]
    [InlineData("", "", "")]
    [InlineData("PreferClose", "z1", "")]
    [InlineData("PreferSameZone", "z1", "")]
    [InlineData("PreferSameNode", "z1", "node-1")]
    public void Endpoint_TrafficDistribution_GivesHints(string distribution, string zones, string nodes)
    {
        var node = Given.Node(labels: "topology.kubernetes.io/zone=z1");
        var endpoint = Only(Given.Service() with { TrafficDistribution = distribution }, Given.Pod("a"), node);
        Assert.Equal(("node-1", "z1", zones, nodes), (endpoint.NodeName, endpoint.Zone, string.Join(',', endpoint.ForZones), string.Join(',', endpoint.ForNodes)));
    }

    [Fact]
    public void Labels_Headless_CarriesTheServicesOwnAndTheManagers()
    {
        var labels = EndpointSlicePlan.Labels(Given.Service() with { IsHeadless = true, Labels = Given.Map("team=a,kubernetes.io/service-name=fake") });
        Assert.Equal(
            Given.Map("team=a,kubernetes.io/service-name=kubia,endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io,service.kubernetes.io/headless="),
            labels);
    }
}
