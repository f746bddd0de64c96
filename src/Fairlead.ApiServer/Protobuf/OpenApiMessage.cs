using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.Kube.Protobuf;

namespace Fairlead.ApiServer.Protobuf;

/// <summary>
/// Writes an OpenAPI v2 document in the protobuf form of gnostic (OpenAPIv2.proto), which is all that kubectl before 1.27
/// asks for: the parts that <c>OpenApiV2</c> makes, each beside its field number.
/// </summary>
internal static class OpenApiMessage
{
    /// <summary>Clients ask for <c>v2@v1.0</c>, but an @ cannot stand in a media type, and they refuse an answer that says so.</summary>
    public const string MediaType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

    public static byte[] Encode(JsonObject document)
    {
        var writer = new WireWriter();
        writer.Text(1, document.Text("swagger")!);
        var info = new WireWriter();
        info.Text(1, document.Text("info", "title")!);
        info.Text(2, document.Text("info", "version")!);
        writer.Bytes(2, info.Written);
        writer.Bytes(8, Named(2, document.Object("paths")!, Path).Written);
        writer.Bytes(9, Named(1, document.Object("definitions")!, Schema).Written);
        return writer.Written.ToArray();
    }

    /// <summary>A JSON object with free names is a list of pairs in gnostic's messages.</summary>
    private static WireWriter Named(int number, JsonObject map, Func<JsonObject, WireWriter> write)
    {
        var writer = new WireWriter();
        foreach (var (name, value) in map)
        {
            var pair = new WireWriter();
            pair.Text(1, name);
            pair.Bytes(2, write((JsonObject)value!).Written);
            writer.Bytes(number, pair.Written);
        }
        return writer;
    }

    private static WireWriter Path(JsonObject path)
    {
        var writer = new WireWriter();
        foreach (var (method, number) in (ReadOnlySpan<(string, int)>)[("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)])
        {
            if (path.Object(method) is { } operation) writer.Bytes(number, Operation(operation).Written);
        }
        return writer;
    }

    private static WireWriter Operation(JsonObject operation)
    {
        var writer = new WireWriter();
        foreach (var type in operation.Texts("consumes")) writer.Text(7, type);
        foreach (var (_, parameter) in operation.Items("parameters")) writer.Bytes(8, QueryParameter(parameter).Written);
        writer.Bytes(9, Named(1, operation.Object("responses")!, Response).Written);
        WriteExtensions(writer, 13, operation);
        return writer;
    }

    // ParametersItem.parameter (1), Parameter.non_body_parameter (2), NonBodyParameter.query_parameter_sub_schema (3).
    private static WireWriter QueryParameter(JsonObject parameter)
    {
        var query = new WireWriter();
        query.Text(2, parameter.Text("in")!);
        query.Text(4, parameter.Text("name")!);
        query.Text(6, parameter.Text("type")!);
        return Wrap(1, Wrap(2, Wrap(3, query)));
    }

    // ResponseValue.response (1), Response.description (1).
    private static WireWriter Response(JsonObject response)
    {
        var writer = new WireWriter();
        writer.Text(1, response.Text("description")!);
        return Wrap(1, writer);
    }

    private static WireWriter Schema(JsonObject schema)
    {
        var writer = new WireWriter();
        if (schema.Text("$ref") is { } reference) writer.Text(1, reference);
        if (schema.Text("format") is { } format) writer.Text(2, format);
        if (schema.Text("description") is { Length: > 0 } description) writer.Text(4, description);
        if (schema.Object("additionalProperties") is { } values) writer.Bytes(21, Wrap(1, Schema(values)).Written);
        if (schema.Text("type") is { } type)
        {
            var names = new WireWriter();
            names.Text(1, type);
            writer.Bytes(22, names.Written);
        }
        if (schema.Object("items") is { } items) writer.Bytes(23, Wrap(1, Schema(items)).Written);
        if (schema.Object("properties") is { } properties) writer.Bytes(25, Named(1, properties, Schema).Written);
        WriteExtensions(writer, 31, schema);
        return writer;
    }

    // NamedAny: name (1), value (2), whose yaml (2) may be JSON.
    private static void WriteExtensions(WireWriter writer, int number, JsonObject obj)
    {
        foreach (var (name, value) in obj)
        {
            if (!name.StartsWith("x-", StringComparison.Ordinal)) continue;
            var yaml = new WireWriter();
            yaml.Text(2, value!.ToJsonString());
            var pair = new WireWriter();
            pair.Text(1, name);
            pair.Bytes(2, yaml.Written);
            writer.Bytes(number, pair.Written);
        }
    }

    private static WireWriter Wrap(int number, WireWriter inner)
    {
        var writer = new WireWriter();
        writer.Bytes(number, inner.Written);
        return writer;
    }
}
