using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies.Apps;

/// <summary>Kubernetes API reference: "ControllerRevision": a snapshot that never changes, and a number that may.</summary>
internal sealed class ControllerRevisionStrategy : KindStrategy
{
    public override void PrepareForCreate(JsonObject obj)
    {
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        if (obj["data"] is null) errors.Required("data", "data is mandatory");
        if (obj.Number("revision") is < 0 and var revision) errors.Invalid("revision", revision, "must be greater than or equal to 0");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (!JsonNode.DeepEquals(obj["data"], old["data"])) errors.Invalid("data", obj["data"]?.DeepClone(), "field is immutable");
    }
}
