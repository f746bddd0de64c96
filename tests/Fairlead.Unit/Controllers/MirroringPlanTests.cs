using Fairlead.Controllers.Cache;
using Fairlead.Controllers.EndpointSliceMirroring;
using Fairlead.Kube;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class MirroringPlanTests
{
    private static EndpointsItem Endpoints(string labels = "", string annotations = "", params Subset[] subsets) =>
        new(new ObjectKey("default", "kubia"), Given.Meta("uid-ep"), 1, Given.Map(labels), Given.Map(annotations), [.. subsets]);

    [Theory]
    [InlineData("", "", "", true)]
    [InlineData("app=kubia", "", "", false)]
    [InlineData("", "endpointslice.kubernetes.io/skip-mirror=true", "", false)]
    [InlineData("", "endpointslice.kubernetes.io/skip-mirror=false", "", true)]
    [InlineData("", "", "control-plane.alpha.kubernetes.io/leader=x", false)]
    public void IsMirrored_ByServiceAndMarks(string selector, string labels, string annotations, bool expected) =>
        Assert.Equal(expected, MirroringPlan.IsMirrored(Endpoints(labels, annotations), Given.Service(selector: selector)));

    [Fact]
    public void IsMirrored_WithoutService_IsFalse() => Assert.False(MirroringPlan.IsMirrored(Endpoints(), null));

    [Fact]
    public void Groups_SplitByFamilyAndPorts()
    {
        var http = new SubsetPort("http", "TCP", 80, null);
        var subset = new Subset([new("10.0.0.1", null, null, null), new("fd00::1", null, null, null)], [new("10.0.0.2", null, null, null)], [http]);
        var groups = MirroringPlan.Groups(Endpoints(subsets: [subset]));
        Assert.Equal(["IPv4 10.0.0.1=True,10.0.0.2=False", "IPv6 fd00::1=True"], groups.Select(group =>
            $"{group.AddressType} {string.Join(',', group.Endpoints.Select(endpoint => $"{endpoint.Addresses[0]}={endpoint.Ready}"))}"));
    }
}
