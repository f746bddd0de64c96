using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Conversion;

/// <summary>events.k8s.io/v1, the newer names of the fields of the core Event (Kubernetes API reference: "Event v1 events.k8s.io").</summary>
internal sealed class EventConversion : KindConversion
{
    public static readonly EventConversion Instance = new();

    private static readonly (string New, string Core)[] Names =
    [
        ("regarding", "involvedObject"), ("note", "message"), ("deprecatedSource", "source"), ("deprecatedCount", "count"),
        ("deprecatedFirstTimestamp", "firstTimestamp"), ("deprecatedLastTimestamp", "lastTimestamp"), ("reportingController", "reportingComponent"),
    ];

    // Since 1.24 kube-apiserver holds the note to this as well; clients of before, the Conformance tests among them, change it.
    private static readonly (string Stored, string Shown)[] Fixed =
    [
        ("involvedObject", "involvedObject"), ("reason", "reason"), ("source", "source"), ("firstTimestamp", "firstTimestamp"), ("lastTimestamp", "lastTimestamp"),
        ("count", "count"), ("type", "type"), ("eventTime", "eventTime"), ("action", "action"), ("related", "related"), ("reportingComponent", "reportingController"), ("reportingInstance", "reportingInstance"),
    ];

    public override string StoredField(string field)
    {
        foreach (var (shown, core) in Names)
        {
            if (field == shown || field.StartsWith(shown + ".", StringComparison.Ordinal)) return core + field[shown.Length..];
        }
        return field;
    }

    /// <summary>The older fields stay unset, the moment is said, and what is reported once does not change but for its series and its note.</summary>
    public override void Validate(JsonObject stored, JsonObject? old, FieldErrors errors)
    {
        if (old is null)
        {
            if (stored.Text("eventTime") is not { Length: > 0 }) errors.Required("eventTime");
            if (stored.Text("type") is not ("Normal" or "Warning")) errors.Invalid("type", stored.Text("type") ?? "", "has invalid value: must be Normal or Warning");
            foreach (var unset in (ReadOnlySpan<string>)["firstTimestamp", "lastTimestamp", "count", "source"])
            {
                if (!stored.IsMissing(unset) && stored.Number(unset) != 0 && stored.Object(unset) is not { Count: 0 }) errors.Invalid(unset, "", "needs to be unset");
            }
            return;
        }
        foreach (var (field, name) in Fixed)
        {
            if (!JsonNode.DeepEquals(Said(stored, field), Said(old, field))) errors.Invalid(name, stored[field]?.DeepClone(), "field is immutable");
        }
    }

    // Go's clients send {} for what is not there.
    private static JsonNode? Said(JsonObject obj, string field) => obj[field] is JsonObject { Count: 0 } ? null : obj[field];

    protected override void Store(JsonObject obj)
    {
        foreach (var (shown, core) in Names) Move(obj, shown, core);
        obj.Child("involvedObject");
    }

    protected override void Show(JsonObject obj)
    {
        foreach (var (shown, core) in Names) Move(obj, core, shown);
    }
}
