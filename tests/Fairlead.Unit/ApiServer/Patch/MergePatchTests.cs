using System.Text.Json.Nodes;
using CsCheck;
using Fairlead.ApiServer.Patch;
using Xunit;

namespace Fairlead.Unit.ApiServer.Patch;

public sealed class MergePatchTests
{
    // RFC 7396 appendix A.
    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", """{}""")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""["a","b"]""", """["c","d"]""", """["c","d"]""")]
    [InlineData("""{"a":"b"}""", """["c"]""", """["c"]""")]
    [InlineData("""{"a":"foo"}""", "null", "null")]
    [InlineData("""{"a":"foo"}""", "\"bar\"", "\"bar\"")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("[1,2]", """{"a":"b","c":null}""", """{"a":"b"}""")]
    [InlineData("{}", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    public void Apply_TableOfTheRfc_Holds(string target, string patch, string expected) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), MergePatch.Apply(JsonNode.Parse(target), JsonNode.Parse(patch))));

    [Fact]
    public void Apply_Twice_AsOnce() => Gen.Select(Json, Json).Sample((target, patch) =>
    {
        var once = MergePatch.Apply(target?.DeepClone(), patch);
        return JsonNode.DeepEquals(once, MergePatch.Apply(once?.DeepClone(), patch));
    });

    [Fact]
    public void Apply_DifferenceOfTwoDocuments_MakesOneTheOther() => Gen.Select(Json, Json).Sample((from, to) =>
    {
        var (before, after) = (WithoutNulls(from) as JsonObject ?? [], WithoutNulls(to) as JsonObject ?? []);
        return JsonNode.DeepEquals(after, MergePatch.Apply(before.DeepClone(), Difference(before, after)));
    });

    [Fact]
    public void Apply_AnyPatch_LeavesThePatchAsItWas() => Gen.Select(Json, Json).Sample((target, patch) =>
    {
        var before = patch?.ToJsonString();
        MergePatch.Apply(target, patch);
        return before == patch?.ToJsonString();
    });

    private static JsonObject Difference(JsonObject from, JsonObject to)
    {
        var patch = new JsonObject();
        foreach (var (name, _) in from)
        {
            if (!to.ContainsKey(name)) patch[name] = null;
        }
        foreach (var (name, value) in to)
            patch[name] = from[name] is JsonObject before && value is JsonObject after ? Difference(before, after) : value?.DeepClone();
        return patch;
    }

    private static JsonNode? WithoutNulls(JsonNode? node) => node is JsonObject obj
        ? new JsonObject(obj.Where(pair => pair.Value is not null).Select(pair => KeyValuePair.Create(pair.Key, WithoutNulls(pair.Value))))
        : node?.DeepClone();

    private static readonly Gen<JsonNode?> Json = Gen.Int.Select(seed => Make(new Random(seed), 0));

    private static JsonNode? Make(Random random, int depth) => random.Next(depth == 0 ? 1 : depth > 3 ? 4 : 6) switch
    {
        0 when depth == 0 => Object(random, depth),
        0 => null,
        1 => random.Next(3),
        2 => "text",
        3 => new JsonArray(1, "x"),
        _ => Object(random, depth),
    };

    private static JsonObject Object(Random random, int depth) =>
        new("abcd".Where(_ => random.Next(2) == 0).Select(name => KeyValuePair.Create(name.ToString(), Make(random, depth + 1))));
}
