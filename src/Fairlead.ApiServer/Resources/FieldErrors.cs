using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources;

/// <param name="Reason">As in a Status' causes: FieldValueInvalid, FieldValueRequired, …</param>
/// <param name="Detail">Without the field, for example <c>Invalid value: 70000: must be between 1 and 65535, inclusive</c>.</param>
internal sealed record FieldError(string Field, string Reason, string Detail);

/// <summary>Gathers everything wrong with an object, in the words of Kubernetes' validation.</summary>
internal sealed class FieldErrors
{
    private readonly List<FieldError> _errors = [];

    public IReadOnlyList<FieldError> All => _errors;

    public bool Any => _errors.Count > 0;

    public void Required(string field, string why = "") => Add(field, "FieldValueRequired", "Required value", why);

    public void Invalid(string field, JsonNode? value, string why) => Add(field, "FieldValueInvalid", $"Invalid value: {Show(value)}", why);

    public void Duplicate(string field, JsonNode? value) => Add(field, "FieldValueDuplicate", $"Duplicate value: {Show(value)}", "");

    public void Forbidden(string field, string why) => Add(field, "FieldValueForbidden", "Forbidden", why);

    public void NotFound(string field, JsonNode? value) => Add(field, "FieldValueNotFound", $"Not found: {Show(value)}", "");

    public void TooLong(string field, int limit) => Add(field, "FieldValueTooLong", "Too long", $"may not be more than {limit} bytes");

    public void NotSupported(string field, string value, params ReadOnlySpan<string> supported)
    {
        var list = string.Join(", ", supported.ToArray().Order(StringComparer.Ordinal).Select(item => $"\"{item}\""));
        _errors.Add(new FieldError(field, "FieldValueNotSupported", $"Unsupported value: \"{value}\": supported values: {list}"));
    }

    public void Add(string field, string reason, string what, string why) =>
        _errors.Add(new FieldError(field, reason, why.Length == 0 ? what : $"{what}: {why}"));

    private static string Show(JsonNode? value) => value is null ? "null" : value.ToText();
}
