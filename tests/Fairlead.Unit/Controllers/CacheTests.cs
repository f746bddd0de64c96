using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Json;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Controllers;

public sealed class CacheTests
{
    private const string Pod = """
        {"metadata":{"name":"a","namespace":"default","uid":"u","labels":{"app":"kubia"},"resourceVersion":"1","ownerReferences":[{"apiVersion":"v1","kind":"ReplicationController","name":"kubia","uid":"rc","controller":true}]},
         "spec":{"nodeName":"n1","overhead":{"cpu":"10m"},"containers":[{"name":"c","resources":{"requests":{"cpu":"250m","memory":"64Mi"}},"ports":[{"name":"http","containerPort":8080}]}],
           "initContainers":[{"name":"i","resources":{"requests":{"cpu":"1"}}},{"name":"s","restartPolicy":"Always","resources":{"requests":{"cpu":"100m"}},"ports":[{"name":"side","containerPort":9}]}]},
         "status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"c","ready":true,"restartCount":4,"image":"x","imageID":""}]}}
        """;

    private static PodItem Read(string json) => PodItem.From(KubeJson.Deserialize<V1Pod>(System.Text.Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void PodItem_FromPod_KeepsWhatControllersNeed()
    {
        var pod = Read(Pod);
        Assert.Equal((new ObjectKey("default", "a"), "n1", true, 4, "rc"), (pod.Key, pod.NodeName, pod.IsReady, pod.Restarts, pod.Meta.Controller?.Uid));
        Assert.Equal(["10.0.0.1", "fd00::1"], pod.Addresses);
        Assert.Equal(["http", "side"], pod.Ports.Select(port => port.Name));
    }

    [Fact]
    public void PodItem_Requests_AreTheLargestOfStartAndRun()
    {
        var pod = Read(Pod);
        // Starting needs the init container's whole core; running needs 250m and the sidecar's 100m. Overhead comes on top.
        Assert.Equal((1010L, 64L << 20), (pod.Demand.Requests.MilliCpu, pod.Demand.Requests.Memory));
    }

    [Fact]
    public void PodItem_OnlyVersionDiffers_IsEqual() =>
        Assert.Equal(Read(Pod), Read(Pod.Replace("\"resourceVersion\":\"1\"", "\"resourceVersion\":\"2\"", StringComparison.Ordinal)));

    [Fact]
    public void ReplicaItem_SameTemplate_IsEqual()
    {
        static ReplicaItem Of(string image, string version) => ReplicaItem.From(new V1ReplicationController
        {
            Metadata = new V1ObjectMeta { Name = "kubia", NamespaceProperty = "default", Uid = "rc", ResourceVersion = version },
            Spec = new V1ReplicationControllerSpec
            {
                Replicas = 3,
                Template = new V1PodTemplateSpec { Spec = new V1PodSpec { Containers = [new V1Container { Name = "c", Image = image }] } },
            },
        });
        Assert.Equal(Of("a", "1"), Of("a", "2"));
        Assert.NotEqual(Of("a", "1"), Of("b", "1"));
    }

    [Fact]
    public void PodIndex_Selected_NeedsEveryPair()
    {
        var index = new PodIndex([Given.Pod("a", "app=x,tier=1"), Given.Pod("b", "app=x,tier=2"), Given.Pod("c", "app=y,tier=1")]);
        Assert.Equal(["a"], index.Selected("default", Given.Map("app=x,tier=1")).Select(pod => pod.Key.Name));
        Assert.Empty(index.Selected("other", Given.Map("app=x")));
        Assert.Empty(index.Selected("default", ValueMap.Empty));
        Assert.Equal(3, index.OnNode("node-1").Count);
    }

    [Fact]
    public void SelectorIndex_FindsSelectorsByLabels()
    {
        var index = new SelectorIndex();
        index.Apply(new ObjectKey("default", "one"), null, Given.Map("app=x"));
        index.Apply(new ObjectKey("default", "two"), null, Given.Map("app=x,tier=1"));
        index.Apply(new ObjectKey("other", "one"), null, Given.Map("app=x"));
        Assert.Equal(["one"], index.Selecting("default", Given.Map("app=x,tier=2")).Select(key => key.Name));
        Assert.Equal(["one", "two"], index.Selecting("default", Given.Map("app=x,tier=1")).Select(key => key.Name).Order());
        index.Apply(new ObjectKey("default", "one"), Given.Map("app=x"), Given.Map("app=z"));
        Assert.Empty(index.Selecting("default", Given.Map("app=x")));
    }
}
