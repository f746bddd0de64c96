using Fairlead.Kube.Json;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Kube;

public sealed class KubeJsonTests
{
    [Fact]
    public void Read_ObjectWithManagedFields_LeavesThemOut()
    {
        var service = KubeJson.Deserialize<V1Service>(
            """{"metadata":{"name":"kubia","managedFields":[{"manager":"kubectl","fieldsV1":{"f:spec":{}}}],"labels":{"app":"kubia"}}}"""u8);

        Assert.Equal(("kubia", "kubia"), (service.Metadata.Name, service.Metadata.Labels["app"]));
        Assert.Null(service.Metadata.ManagedFields);
    }
}
