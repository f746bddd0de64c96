using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.Kube.Json;
using Microsoft.AspNetCore.Http;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Fairlead.ApiServer.HTTP;

/// <summary>Bodies in YAML, which are JSON by another spelling (Kubernetes API concepts: "Resource representations").</summary>
internal static class YamlBody
{
    public const string MediaType = "application/yaml";

    public static bool IsWanted(HttpContext context) => Answers.AcceptsOnly(context, MediaType);

    /// <exception cref="ApiError">400: it is no YAML, or YAML that JSON has no form for; 413: it is more than it looks like.</exception>
    public static JsonNode? Read(ReadOnlySpan<byte> body)
    {
        try
        {
            return YamlJson.Read(Encoding.UTF8.GetString(body), JsonTree.Deepest, RequestBody.Largest);
        }
        catch (YamlTooLargeException)
        {
            throw ApiError.TooLarge(RequestBody.Largest);
        }
        catch (FormatException e)
        {
            throw ApiError.BadRequest($"error converting YAML to JSON: {e.Message}");
        }
    }

    public static byte[] Write(JsonNode body)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        new YamlStream(new YamlDocument(ToYaml(body))).Save(text, assignAnchors: false);
        return Encoding.UTF8.GetBytes(text.ToString().Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n...\n", "\n", StringComparison.Ordinal));
    }

    private static YamlNode ToYaml(JsonNode? node) => node switch
    {
        JsonObject obj => new YamlMappingNode(obj.Select(pair => KeyValuePair.Create<YamlNode, YamlNode>(Scalar(pair.Key), ToYaml(pair.Value)))),
        JsonArray array => new YamlSequenceNode(array.Select(ToYaml)),
        null => new YamlScalarNode("null"),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Scalar(value.GetValue<string>()),
        _ => new YamlScalarNode(node.ToJsonString()),
    };

    /// <summary>Text that would be read back as something else is quoted.</summary>
    private static YamlScalarNode Scalar(string text) => new(text)
    {
        Style = YamlJson.Plain(text) is JsonValue value && value.GetValueKind() == JsonValueKind.String ? ScalarStyle.Any : ScalarStyle.DoubleQuoted,
    };
}
