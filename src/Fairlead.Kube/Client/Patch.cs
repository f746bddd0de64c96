using System.Text;
using System.Text.Json.Nodes;

namespace Fairlead.Kube.Client;

/// <summary>A patch body and its content type (Kubernetes documentation: "Update API Objects in Place Using kubectl patch").</summary>
public readonly record struct Patch(string ContentType, ReadOnlyMemory<byte> Body)
{
    public static Patch Merge(JsonObject body) => new("application/merge-patch+json", Bytes(body));

    public static Patch StrategicMerge(JsonObject body) => new("application/strategic-merge-patch+json", Bytes(body));

    public static Patch Json(JsonArray operations) => new("application/json-patch+json", Bytes(operations));

    private static byte[] Bytes(JsonNode node) => Encoding.UTF8.GetBytes(node.ToJsonString());
}
