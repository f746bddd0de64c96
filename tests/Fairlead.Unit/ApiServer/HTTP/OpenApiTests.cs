using System.Text.Json.Nodes;
using Fairlead.ApiServer.Protobuf;
using Fairlead.Kube.Protobuf;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

public sealed class OpenApiTests
{
    [Fact]
    public async Task V2_AsJson_EveryReferenceHasItsDefinitionAndListsTheirMergeKeys()
    {
        await using var server = await TestApiServer.StartAsync();

        var document = await new Api(server.Client).DoAsync("GET", "/openapi/v2");

        var definitions = document["definitions"]!.AsObject();
        Assert.All(References(document).Distinct(), reference => Assert.True(definitions.ContainsKey(reference), reference));
        var ports = definitions["io.k8s.api.V1ServiceSpec"]!["properties"]!["ports"]!;
        Assert.Equal("port", (string)ports["x-kubernetes-patch-merge-key"]!);
        Assert.Equal("merge", (string)ports["x-kubernetes-patch-strategy"]!);
        var kind = Assert.Single(definitions["io.k8s.api.V1Service"]!["x-kubernetes-group-version-kind"]!.AsArray())!;
        Assert.Equal(("", "v1", "Service"), ((string)kind["group"]!, (string)kind["version"]!, (string)kind["kind"]!));
    }

    [Fact]
    public async Task V2_AsMessage_HoldsTheSameDefinitions()
    {
        await using var server = await TestApiServer.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v2");
        request.Headers.TryAddWithoutValidation("Accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");

        using var response = await server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var message = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var document = await new Api(server.Client).DoAsync("GET", "/openapi/v2");

        Assert.Equal(OpenApiMessage.MediaType, response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(document["definitions"]!.AsObject().Select(pair => pair.Key), DefinitionNames(message));
    }

    // Document.definitions is 9, its entries 1, an entry's name 1.
    private static List<string> DefinitionNames(ReadOnlySpan<byte> message)
    {
        var names = new List<string>();
        var document = new WireReader(message);
        while (document.Next(out var number, out var type))
        {
            if (number != 9)
            {
                document.Skip(type);
                continue;
            }
            var definitions = new WireReader(document.Bytes());
            while (definitions.Next(out _, out _)) names.AddRange(MessageDecoder.Texts(definitions.Bytes(), 1));
        }
        return names;
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject obj when obj["$ref"] is { } reference => [((string)reference!)["#/definitions/".Length..]],
        JsonObject obj => obj.SelectMany(pair => References(pair.Value)),
        JsonArray array => array.SelectMany(References),
        _ => [],
    };
}
