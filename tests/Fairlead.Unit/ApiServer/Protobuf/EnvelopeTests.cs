using System.Text.Json.Nodes;
using CsCheck;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.Kube.Protobuf;
using Fairlead.Unit.ApiServer.Schema;
using Xunit;

namespace Fairlead.Unit.ApiServer.Protobuf;

public sealed class EnvelopeTests
{
    // What kubectl 1.32 sends, and the object in it as Kubernetes shows it before it fills in defaults.
    [Theory]
    [InlineData("V1Namespace", "6b3873000a0f0a02763112094e616d657370616365121a0a120a02783912001a0022002a0032003800420012001a020a001a002200",
        """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"x9"},"spec":{},"status":{}}""")]
    [InlineData("V1Service",
        "6b3873000a0d0a02763112075365727669636512680a1f0a036e703912001a0022002a003200380042005a0a0a0361707012036e703912410a1b0a0738302d38303830120354435018502207080010903f1a002800120a0a0361707012036e70391a0022084e6f6465506f72743a00420052005a00600068001a020a001a002200",
        """
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"np9","labels":{"app":"np9"}},
         "spec":{"ports":[{"name":"80-8080","protocol":"TCP","port":80,"targetPort":8080}],"selector":{"app":"np9"},"type":"NodePort"},
         "status":{"loadBalancer":{}}}
        """)]
    // replicas: 0 is said, not left out.
    [InlineData("V1Deployment",
        "6b3873000a150a07617070732f7631120a4465706c6f796d656e7412a9010a1b0a016412001a0022002a003200380042005a080a03617070120164127c0800120a0a080a036170701201641a640a1a0a0012001a0022002a003200380042005a080a03617070120164124612280a01621203612f622a00320a0a001000185022002a0042006a007200800100880100900100a201001a00320042004a0052005800600068008201008a01009a0100c2010022020a00280038001a0c0800100018002000280038001a002200",
        """
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","labels":{"app":"d"}},
         "spec":{"replicas":0,"selector":{"matchLabels":{"app":"d"}},"strategy":{},
          "template":{"metadata":{"labels":{"app":"d"}},"spec":{"containers":[{"name":"b","image":"a/b","ports":[{"containerPort":80}],"resources":{}}]}}},
         "status":{}}
        """)]
    public void Decode_RecordedFromKubectl_IsTheObject(string type, string hex, string expected)
    {
        var schema = SchemaTable.Get(type);

        var decoded = Normal(Envelope.Decode(Convert.FromHexString(hex), schema), schema);

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), decoded), decoded.ToJsonString());
    }

    [Fact]
    public void Encode_AnyObjectOfAnyType_DecodesToTheSame() => SchemaGen.Any.Sample(
        sample => JsonNode.DeepEquals(sample.Object, Envelope.Decode(Envelope.Encode(sample.Object, sample.Type), sample.Type)),
        iter: 2000, print: sample => $"{sample.Type.Name} {sample.Object.ToJsonString()}");

    [Fact]
    public void Encode_FieldsThatProtobufPutsInAMessageOfTheirOwn_ComeBack()
    {
        var volume = (JsonObject)JsonNode.Parse("""{"name":"v","emptyDir":{}}""")!;
        var type = SchemaTable.Get("V1Volume");

        var message = MessageEncoder.Encode(volume, type);

        // Field 1 is the name, field 2 the volume source, whose field 2 is an empty emptyDir.
        Assert.Equal("0A0176" + "12021200", Convert.ToHexString(message));
        Assert.True(JsonNode.DeepEquals(volume, MessageDecoder.Decode(message, type)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("7b7d")]
    [InlineData("6b38730012")]
    [InlineData("6b38730012ff")]
    [InlineData("6b387300120a0a")]
    [InlineData("6b3873001202ffff")]
    [InlineData("6b387300120408010801")]
    [InlineData("6b38730012050a03800000")]
    [InlineData("6b387300120bffffffffffffffffffffff")]
    public void Decode_BrokenBytes_AreRefused(string hex) =>
        Assert.Throws<WireException>(() => Envelope.Decode(Convert.FromHexString(hex), SchemaTable.Get("V1Namespace")));

    [Fact]
    public void Decode_AnyBytes_ObjectOrRefusal() => Gen.Byte.Array[0, 60].Sample(bytes =>
    {
        try
        {
            MessageDecoder.Decode(bytes, SchemaTable.Get("V1Pod"));
        }
        catch (WireException)
        {
            // The one answer to bytes that are no message.
        }
    });

    private static JsonObject Normal(JsonObject obj, SchemaType type) => new ObjectDecoder().Decode(obj, type);
}
