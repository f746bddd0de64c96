using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Protobuf;
using Fairlead.ApiServer.Resources.Schema;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

public sealed class ProtobufAnswerTests
{
    [Theory]
    [InlineData("application/vnd.kubernetes.protobuf", true)]
    [InlineData("application/vnd.kubernetes.protobuf,application/json", false)]
    [InlineData("application/vnd.kubernetes.protobuf, */*", false)]
    [InlineData("application/json", false)]
    public async Task CreateAndGet_InProtobuf_AnsweredInItWhereNothingElseIsAccepted(string accept, bool protobuf)
    {
        await using var server = await TestApiServer.StartAsync();
        var type = SchemaTable.Get("V1ConfigMap");
        var obj = (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"v"}}""")!;
        using var request = new HttpRequestMessage(HttpMethod.Post, Api.ConfigMaps) { Content = new ByteArrayContent(Envelope.Encode(obj, type)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(Envelope.MediaType);
        request.Headers.TryAddWithoutValidation("Accept", accept);

        using var response = await server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);

        Assert.Equal(201, (int)response.StatusCode);
        Assert.Equal(protobuf ? Envelope.MediaType : "application/json", response.Content.Headers.ContentType?.MediaType);
        var answered = protobuf ? Envelope.Decode(body, type) : JsonNode.Parse(body)!;
        Assert.True(JsonNode.DeepEquals(await new Api(server.Client).DoAsync("GET", Api.ConfigMaps + "/a"), answered), answered.ToJsonString());
    }

    [Theory]
    [InlineData(Api.ConfigMaps + "/none", 404)]
    [InlineData(Api.ConfigMaps, 200)]
    public async Task ProtobufAlone_RefusalsAndLists_AreInIt(string path, int code)
    {
        await using var server = await TestApiServer.StartAsync();
        await new Api(server.Client).ConfigMapAsync("a");
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", Envelope.MediaType);

        using var response = await server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);

        Assert.Equal(code, (int)response.StatusCode);
        Assert.Equal(Envelope.MediaType, response.Content.Headers.ContentType?.MediaType);
        if (code != 200) Assert.Equal(code, (long)Envelope.Decode(body, SchemaTable.Get("V1Status"))["code"]!);
        else Assert.True(body.AsSpan().IndexOf("ConfigMapList"u8) > 0);
    }

    [Fact]
    public async Task ProtobufAlone_Watch_SendsEventsWithTheirLengths()
    {
        await using var server = await TestApiServer.StartAsync();
        await new Api(server.Client).ConfigMapAsync("a");
        using var request = new HttpRequestMessage(HttpMethod.Get, Api.ConfigMaps + "?watch=true");
        request.Headers.TryAddWithoutValidation("Accept", Envelope.MediaType + ";stream=watch");

        using var response = await server.Client.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        var length = new byte[4];
        await stream.ReadExactlyAsync(length, TestContext.Current.CancellationToken);
        var message = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        await stream.ReadExactlyAsync(message, TestContext.Current.CancellationToken);

        Assert.Equal(["ADDED"], MessageDecoder.Texts(message, 1));
        var envelope = message.AsSpan(message.AsSpan().IndexOf("k8s\0"u8));
        Assert.Equal("a", (string)Envelope.Decode(envelope, SchemaTable.Get("V1ConfigMap"))["metadata"]!["name"]!);
    }

    [Fact]
    public async Task Create_BytesThatAreNoObject_BadRequest()
    {
        await using var server = await TestApiServer.StartAsync();

        var (code, status) = await new Api(server.Client).SendAsync("POST", Api.ConfigMaps, "nonsense", Envelope.MediaType);

        Assert.Equal(400, code);
        Assert.Contains("does not appear to be a protobuf message", (string)status["message"]!, StringComparison.Ordinal);
    }
}
