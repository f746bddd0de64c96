using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Resources;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>YAML bodies say what the same JSON says.</summary>
public sealed class YamlBodyTests
{
    [Theory]
    [InlineData("a: b", """{"a":"b"}""")]
    [InlineData("a: 1\nb: -2\nc: 1.5\nd: true\ne: null\nf:", """{"a":1,"b":-2,"c":1.5,"d":true,"e":null,"f":null}""")]
    [InlineData("a: \"1\"\nb: 'true'\nc: yes", """{"a":"1","b":"true","c":true}""")]
    [InlineData("mode: 0644\nhex: 0x1f\nzero: 0\nversion: 1.2.3", """{"mode":420,"hex":31,"zero":0,"version":"1.2.3"}""")]
    [InlineData("- a\n- b: [1, {c: d}]", """["a",{"b":[1,{"c":"d"}]}]""")]
    [InlineData("text: |\n  one\n  two\n", """{"text":"one\ntwo\n"}""")]
    [InlineData("port: 8080m\nip: 10.0.0.1", """{"port":"8080m","ip":"10.0.0.1"}""")]
    public void Read_SaysWhatTheSameJsonSays(string yaml, string json) => Assert.Equal(json, YamlBody.Read(Encoding.UTF8.GetBytes(yaml))!.ToJsonString());

    [Fact]
    public void Read_Broken_SaysWhere()
    {
        var error = Assert.Throws<ApiError>(() => YamlBody.Read("a:\n  - b\n c: d"u8));

        Assert.Equal(400, error.Code);
        Assert.Contains("line 3", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":"1","b":"true","c":"","d":"x y","e":[1,2.5,false,null],"f":{"g":"two\nlines\n"},"h":"0644","i":"no","j":{}}""")]
    public void Write_ReadBack_IsTheSame(string json) => Assert.Equal(json, YamlBody.Read(YamlBody.Write(JsonNode.Parse(json)!))!.ToJsonString());
}
