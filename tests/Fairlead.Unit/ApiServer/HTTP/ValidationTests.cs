using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>What Kubernetes refuses in pods, Services and metadata, with the words that say why (its validation of core types).</summary>
public sealed class ValidationTests() : ApiTest
{
    private const string Merge = "application/merge-patch+json";
    private const string Default = "/api/v1/namespaces/default/";

    [Theory]
    [InlineData("\"hostNetwork\":true", "\"ports\":[{\"containerPort\":70,\"hostPort\":71}]", "spec.containers[0].ports[0].containerPort: Invalid value: 70: must match `hostPort` when `hostNetwork` is true")]
    [InlineData("\"tolerations\":[{\"key\":\"a\",\"operator\":\"Foo\"}]", "", "spec.tolerations[0].operator: Unsupported value: \"Foo\": supported values: \"Equal\", \"Exists\"")]
    [InlineData("\"tolerations\":[{\"operator\":\"Equal\"}]", "", "operator must be Exists when `key` is empty")]
    [InlineData("\"tolerations\":[{\"key\":\"a\",\"operator\":\"Exists\",\"value\":\"b\"}]", "", "value must be empty when `operator` is 'Exists'")]
    [InlineData("\"tolerations\":[{\"key\":\"a\",\"effect\":\"NoSchedule\",\"tolerationSeconds\":3}]", "", "effect must be 'NoExecute' when `tolerationSeconds` is set")]
    [InlineData("\"nodeName\":\"n\",\"schedulingGates\":[{\"name\":\"g\"}]", "", "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared")]
    [InlineData("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]", "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/x\",\"subPath\":\"a/../b\"}]", "subPath: Invalid value: \"a/../b\": must not contain '..'")]
    [InlineData("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]", "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/x\",\"subPath\":\"/b\"}]", "subPath: Invalid value: \"/b\": must be a relative path")]
    public async Task Pod_Wrong_IsRefused(string spec, string container, string message)
    {
        var more = container.Length > 0 ? "," + container : "";
        await RefusedAsync(Default + "pods", $$"""{"metadata":{"name":"v"},"spec":{{{spec}},"containers":[{"name":"c","image":"i"{{more}}}]} }""", message);
    }

    [Theory]
    [InlineData("\"loadBalancerClass\":\"a/b\"", "spec.loadBalancerClass: Forbidden: may only be used when `spec.type` is 'LoadBalancer'")]
    [InlineData("\"allocateLoadBalancerNodePorts\":true", "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `spec.type` is 'LoadBalancer'")]
    [InlineData("\"loadBalancerSourceRanges\":[\"10.0.0.0/8\"]", "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'")]
    [InlineData("\"type\":\"NodePort\",\"healthCheckNodePort\":31000", "spec.healthCheckNodePort: Invalid value: 31000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")]
    [InlineData("\"trafficDistribution\":\"Anywhere\"", "spec.trafficDistribution: Unsupported value: \"Anywhere\": supported values: \"PreferClose\", \"PreferSameNode\", \"PreferSameZone\"")]
    [InlineData("\"ports\":[{\"port\":81,\"appProtocol\":\"a b\"}]", "spec.ports[0].appProtocol: Invalid value: \"a b\"")]
    public async Task Service_Wrong_IsRefused(string spec, string message)
    {
        var ports = spec.Contains("ports", StringComparison.Ordinal) ? "" : ",\"ports\":[{\"port\":80}]";
        await RefusedAsync(Default + "services", $$"""{"metadata":{"name":"v"},"spec":{{{spec}}{{ports}}} }""", message);
    }

    [Theory]
    [InlineData("\"finalizers\":[\"mine\"]", "metadata.finalizers[0]: Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully qualified")]
    [InlineData("\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"e\",\"uid\":\"u\"}]", "v1, Kind=Event is disallowed from being an owner")]
    public async Task Metadata_Wrong_IsRefused(string more, string message) =>
        await RefusedAsync(Api.ConfigMaps, $$"""{"metadata":{"name":"v",{{more}}} }""", message);

    [Fact]
    public async Task Finalizers_OfAnObjectOnItsWayOut_BecomeFewerOnly()
    {
        await Requests.ConfigMapAsync("a", ""","finalizers":["x.y/a","x.y/b"]""");
        await Requests.DoAsync("DELETE", Api.ConfigMaps + "/a");

        var (code, answer) = await Requests.SendAsync("PATCH", Api.ConfigMaps + "/a", """{"metadata":{"finalizers":["x.y/a","x.y/c"]} }""", Merge);
        await Requests.DoAsync("PATCH", Api.ConfigMaps + "/a", """{"metadata":{"finalizers":["x.y/a"]} }""", Merge);
        await Requests.DoAsync("PATCH", Api.ConfigMaps + "/a", """{"metadata":{"finalizers":null} }""", Merge);

        Assert.Equal(422, code);
        Assert.Contains("no new finalizers can be added if the object is being deleted, found new finalizers []string{\"x.y/c\"}", (string?)answer["message"], StringComparison.Ordinal);
        Assert.Empty(await Requests.NamesAsync(Api.ConfigMaps));
    }

    [Fact]
    public async Task Binding_PostedBesideThePods_BindsThePodThatItNames()
    {
        await Requests.DoAsync("POST", Api.Pods, """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]} }""");

        await Requests.DoAsync("POST", Default + "bindings", """{"metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"} }""");

        Assert.Equal("n1", (string?)(await Requests.DoAsync("GET", Api.Pods + "/p"))["spec"]!["nodeName"]);
    }

    private async Task RefusedAsync(string path, string body, string message)
    {
        var (code, answer) = await Requests.SendAsync("POST", path, body);
        Assert.Equal(422, code);
        Assert.Contains(message, (string?)answer["message"], StringComparison.Ordinal);
    }
}
