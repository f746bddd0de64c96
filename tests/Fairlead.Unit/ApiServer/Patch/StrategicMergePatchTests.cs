using System.Text.Json.Nodes;
using CsCheck;
using Fairlead.ApiServer.Patch;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.Unit.ApiServer.Schema;
using Xunit;

namespace Fairlead.Unit.ApiServer.Patch;

/// <summary>Kubernetes documentation: "Update API Objects in Place Using kubectl patch"; design document "strategic-merge-patch".</summary>
public sealed class StrategicMergePatchTests
{
    [Theory]
    // Merge keys: containers by name, env by name, ports by containerPort.
    [InlineData("V1PodSpec", """{"containers":[{"name":"a","image":"1"}]}""", """{"containers":[{"name":"b","image":"2"}]}""",
        """{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]}""")]
    [InlineData("V1PodSpec", """{"containers":[{"name":"a","image":"1","args":["x","y"]}]}""", """{"containers":[{"name":"a","image":"2","args":["z"]}]}""",
        """{"containers":[{"name":"a","image":"2","args":["z"]}]}""")]
    [InlineData("V1Container", """{"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}""", """{"env":[{"name":"A","$patch":"delete"}]}""",
        """{"env":[{"name":"B","value":"2"}]}""")]
    [InlineData("V1ServiceSpec", """{"ports":[{"port":80,"name":"a"},{"port":81,"name":"b"}]}""", """{"ports":[{"port":81,"name":"c"}]}""",
        """{"ports":[{"port":80,"name":"a"},{"port":81,"name":"c"}]}""")]
    // Lists without a merge key are replaced.
    [InlineData("V1PodSpec", """{"tolerations":[{"key":"a"},{"key":"b"}]}""", """{"tolerations":[{"key":"c"}]}""", """{"tolerations":[{"key":"c"}]}""")]
    // Sets of plain values: added to, taken from.
    [InlineData("V1ObjectMeta", """{"finalizers":["a","b"]}""", """{"finalizers":["b","c"]}""", """{"finalizers":["a","b","c"]}""")]
    [InlineData("V1ObjectMeta", """{"finalizers":["a","b"]}""", """{"$deleteFromPrimitiveList/finalizers":["a"]}""", """{"finalizers":["b"]}""")]
    // Directives for objects and lists.
    [InlineData("V1PodSpec", """{"nodeSelector":{"a":"1","b":"2"}}""", """{"nodeSelector":{"$patch":"replace","c":"3"}}""", """{"nodeSelector":{"c":"3"}}""")]
    [InlineData("V1PodSpec", """{"nodeSelector":{"a":"1","b":"2"}}""", """{"nodeSelector":{"a":null}}""", """{"nodeSelector":{"b":"2"}}""")]
    [InlineData("V1PodSpec", """{"containers":[{"name":"a"},{"name":"b"}]}""", """{"containers":[{"$patch":"replace"},{"name":"c"}]}""", """{"containers":[{"name":"c"}]}""")]
    [InlineData("V1PodSpec", """{"volumes":[{"name":"v","emptyDir":{}}]}""", """{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]}""",
        """{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}""")]
    [InlineData("V1DeploymentSpec", """{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}""", """{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}""",
        """{"strategy":{"type":"Recreate"}}""")]
    // The order that kubectl apply states.
    [InlineData("V1PodSpec", """{"containers":[{"name":"a"},{"name":"b"}]}""", """{"$setElementOrder/containers":[{"name":"c"},{"name":"b"},{"name":"a"}],"containers":[{"name":"c"}]}""",
        """{"containers":[{"name":"c"},{"name":"b"},{"name":"a"}]}""")]
    [InlineData("V1ObjectMeta", """{"finalizers":["a","b"]}""", """{"$setElementOrder/finalizers":["c","a"],"finalizers":["c"],"$deleteFromPrimitiveList/finalizers":["b"]}""",
        """{"finalizers":["c","a"]}""")]
    // What others put between keeps its place.
    [InlineData("V1PodSpec", """{"containers":[{"name":"a"},{"name":"sidecar"},{"name":"b"}]}""", """{"$setElementOrder/containers":[{"name":"a"},{"name":"b"}],"containers":[{"name":"b","image":"2"}]}""",
        """{"containers":[{"name":"a"},{"name":"sidecar"},{"name":"b","image":"2"}]}""")]
    [InlineData("V1PodSpec", """{"containers":[{"name":"a"},{"name":"sidecar"},{"name":"b"}]}""", """{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]}""",
        """{"containers":[{"name":"sidecar"},{"name":"b"},{"name":"a"}]}""")]
    // Order alone reorders, too.
    [InlineData("V1PodSpec", """{"containers":[{"name":"a"},{"name":"b"}]}""", """{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]}""",
        """{"containers":[{"name":"b"},{"name":"a"}]}""")]
    // Directives in what is new leave no trace.
    [InlineData("V1PodSpec", """{}""", """{"containers":[{"name":"a","$retainKeys":["name"],"env":[{"name":"X","$patch":"delete"}]}],"nodeSelector":{"$patch":"replace","a":"b"}}""",
        """{"containers":[{"name":"a","env":[]}],"nodeSelector":{"a":"b"}}""")]
    public void Apply_RuleOfKubernetes_Holds(string type, string target, string patch, string expected)
    {
        var result = StrategicMergePatch.Apply(Object(target), Object(patch), SchemaTable.Get(type));

        Assert.Equal(JsonNode.Parse(expected)!.ToJsonString(), result.ToJsonString());
    }

    [Theory]
    [InlineData("V1PodSpec", """{"nodeSelector":{"$patch":"spin"}}""", "unknown patch type: spin")]
    [InlineData("V1PodSpec", """{"containers":[{"image":"x"}]}""", "does not contain declared merge key: name")]
    [InlineData("V1PodSpec", """{"containers":["x"]}""", "takes objects only")]
    public void Apply_DirectiveThatMakesNoSense_IsRefused(string type, string patch, string message)
    {
        var refused = Assert.Throws<PatchException>(() => StrategicMergePatch.Apply(Object("""{"containers":[{"name":"a"}]}"""), Object(patch), SchemaTable.Get(type)));

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_EmptyPatch_ChangesNothing() => SchemaGen.Any.Sample(
        sample => JsonNode.DeepEquals(sample.Object, StrategicMergePatch.Apply((JsonObject)sample.Object.DeepClone(), [], sample.Type)));

    private static JsonObject Object(string json) => (JsonObject)JsonNode.Parse(json)!;
}
