using System.Text.Json.Nodes;
using Fairlead.ApiServer.Patch;
using Xunit;

namespace Fairlead.Unit.ApiServer.Patch;

public sealed class JsonPatchTests
{
    // RFC 6902 appendix A, and the corners of RFC 6901.
    [Theory]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz","value":"qux"}]""", """{"baz":"qux","foo":"bar"}""")]
    [InlineData("""{"foo":["bar","baz"]}""", """[{"op":"add","path":"/foo/1","value":"qux"}]""", """{"foo":["bar","qux","baz"]}""")]
    [InlineData("""{"baz":"qux","foo":"bar"}""", """[{"op":"remove","path":"/baz"}]""", """{"foo":"bar"}""")]
    [InlineData("""{"foo":["bar","qux","baz"]}""", """[{"op":"remove","path":"/foo/1"}]""", """{"foo":["bar","baz"]}""")]
    [InlineData("""{"baz":"qux","foo":"bar"}""", """[{"op":"replace","path":"/baz","value":"boo"}]""", """{"baz":"boo","foo":"bar"}""")]
    [InlineData("""{"foo":["a","b"]}""", """[{"op":"replace","path":"/foo/1","value":"c"}]""", """{"foo":["a","c"]}""")]
    [InlineData("""{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}""", """[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]""", """{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}""")]
    [InlineData("""{"foo":["all","grass","cows","eat"]}""", """[{"op":"move","from":"/foo/1","path":"/foo/3"}]""", """{"foo":["all","cows","eat","grass"]}""")]
    [InlineData("""{"baz":"qux","foo":["a",2,"c"]}""", """[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]""", """{"baz":"qux","foo":["a",2,"c"]}""")]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/child","value":{"grandchild":{}}}]""", """{"foo":"bar","child":{"grandchild":{}}}""")]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz","value":"qux","xyz":123}]""", """{"foo":"bar","baz":"qux"}""")]
    [InlineData("""{"/":9,"~1":10}""", """[{"op":"test","path":"/~01","value":10},{"op":"remove","path":"/~1"}]""", """{"~1":10}""")]
    [InlineData("""{"foo":["bar"]}""", """[{"op":"add","path":"/foo/-","value":["abc","def"]}]""", """{"foo":["bar",["abc","def"]]}""")]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"copy","from":"/a","path":"/c"},{"op":"add","path":"/c/b","value":2}]""", """{"a":{"b":1},"c":{"b":2}}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"","value":{"b":2}}]""", """{"b":2}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/a","value":null}]""", """{"a":null}""")]
    public void Apply_TableOfTheRfc_Holds(string target, string patch, string expected) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), Apply(target, patch)));

    [Theory]
    [InlineData("""{"baz":"qux"}""", """[{"op":"test","path":"/baz","value":"bar"}]""", true)]
    [InlineData("""{"/":9}""", """[{"op":"test","path":"/~1","value":"9"}]""", true)]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz/bat","value":"qux"}]""", true)]
    [InlineData("""{"foo":["bar"]}""", """[{"op":"add","path":"/foo/2","value":"qux"}]""", true)]
    [InlineData("""{"foo":["bar"]}""", """[{"op":"remove","path":"/foo/-"}]""", true)]
    [InlineData("""{"foo":["bar","b"]}""", """[{"op":"remove","path":"/foo/01"}]""", true)]
    [InlineData("""{}""", """[{"op":"remove","path":"/nothing"}]""", true)]
    [InlineData("""{}""", """[{"op":"replace","path":"/nothing","value":1}]""", true)]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"","value":[]}]""", true)]
    [InlineData("""{"a":1}""", """[{"op":"remove","path":""}]""", true)]
    [InlineData("""{}""", """[{"op":"add","path":"/a"}]""", false)]
    [InlineData("""{}""", """[{"op":"add","value":1}]""", false)]
    [InlineData("""{}""", """[{"op":"add","path":"a","value":1}]""", false)]
    [InlineData("""{}""", """[{"op":"spam","path":"/a","value":1}]""", false)]
    [InlineData("""{}""", """["add"]""", false)]
    public void Apply_DoesNotFitOrIsMalformed_IsRefusedWhole(string target, string patch, bool unprocessable) =>
        Assert.Equal(unprocessable, Assert.Throws<PatchException>(() => Apply(target, patch)).Unprocessable);

    private static JsonObject Apply(string target, string patch) => JsonPatch.Apply((JsonObject)JsonNode.Parse(target)!, (JsonArray)JsonNode.Parse(patch)!);
}
