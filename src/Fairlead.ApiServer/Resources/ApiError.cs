using System.Text.Json.Nodes;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Resources;

/// <summary>
/// A refusal as Kubernetes words it: HTTP code, machine-readable reason, message and details
/// (Kubernetes API reference: "Status"; API conventions, "Error codes").
/// </summary>
internal sealed class ApiError(int code, string reason, string message, JsonObject? details = null) : Exception(message)
{
    public int Code { get; } = code;
    public string Reason { get; } = reason;
    public JsonObject? Details { get; } = details;

    /// <summary>Where a list can go on all the same; for metadata.continue.</summary>
    public string? Continue { get; private init; }

    public static ApiError NotFound(Kind kind, string name) =>
        new(404, "NotFound", $"{kind.QualifiedPlural} \"{name}\" not found", DetailsOf(kind.Group, kind.Plural, name));

    public static ApiError NoSuchPath() => new(404, "NotFound", "the server could not find the requested resource", []);

    public static ApiError AlreadyExists(Kind kind, string name) =>
        new(409, "AlreadyExists", $"{kind.QualifiedPlural} \"{name}\" already exists", DetailsOf(kind.Group, kind.Plural, name));

    public static ApiError Conflict(Kind kind, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {kind.QualifiedPlural} \"{name}\": {why}", DetailsOf(kind.Group, kind.Plural, name));

    public static ApiError Modified(Kind kind, string name) =>
        Conflict(kind, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static ApiError BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiError Forbidden(string plural, string name, string why) =>
        new(403, "Forbidden", $"{plural} \"{name}\" is forbidden: {why}", DetailsOf("", plural, name));

    public static ApiError Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    public static ApiError MethodNotAllowed() =>
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", []);

    public static ApiError UnsupportedMediaType(string given, string supported) =>
        new(415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: {supported} (got \"{given}\")");

    public static ApiError NotAcceptable() =>
        new(406, "NotAcceptable", "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf");

    public static ApiError Gone(string message) => new(410, "Expired", message);

    /// <summary>410 for a page whose list is over, with a token to go on in the present one (Kubernetes API concepts: "Retrieving large results sets in chunks").</summary>
    public static ApiError PageGone(string token) => new(410, "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.")
    {
        Continue = token,
    };

    /// <summary>A version that is still to come (Kubernetes API concepts: "Unavailable resource versions").</summary>
    public static ApiError TooLargeVersion(long asked, long current) => new(504, "Timeout", $"Too large resource version: {asked}, current: {current}", new JsonObject
    {
        ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ResourceVersionTooLarge", ["message"] = "Too large resource version" }),
        ["retryAfterSeconds"] = 1,
    });

    public static ApiError TooLarge(int limit) => new(413, "RequestEntityTooLarge", $"Request entity too large: limit is {limit}");

    public static ApiError TooManyRequests() =>
        new(429, "TooManyRequests", "Too many requests, please try again later.", new JsonObject { ["retryAfterSeconds"] = 1 });

    public static ApiError TimedOut() => new(504, "Timeout", "Timeout: request did not complete within the allotted timeout", []);

    public static ApiError Unavailable(string message) => new(503, "ServiceUnavailable", message);

    public static ApiError Of(StoreException e) => e.Trouble switch
    {
        StoreTrouble.Away => Unavailable(e.Message),
        StoreTrouble.Unknown => new ApiError(504, "Timeout", e.Message),
        _ => Internal(e.Message),
    };

    public static ApiError Internal(string message) => new(500, "InternalError", $"Internal error occurred: {message}");

    /// <summary>422 with one cause a field error, in the words of Kubernetes' validation.</summary>
    public static ApiError Invalid(Kind kind, string name, FieldErrors errors)
    {
        var details = DetailsOf(kind.Group, kind.Name, name);
        details["causes"] = new JsonArray([.. errors.All.Select(error => new JsonObject
        {
            ["reason"] = error.Reason,
            ["message"] = error.Detail,
            ["field"] = error.Field,
        })]);
        var texts = errors.All.Select(error => $"{error.Field}: {error.Detail}").Distinct().ToList();
        var list = texts.Count == 1 ? texts[0] : $"[{string.Join(", ", texts)}]";
        var qualified = kind.Group.Length == 0 ? kind.Name : $"{kind.Name}.{kind.Group}";
        return new ApiError(422, "Invalid", $"{qualified} \"{name}\" is invalid: {list}", details);
    }

    /// <summary>422 about a request itself, which names no object.</summary>
    public static ApiError Unprocessable(string field, string why) => new(422, "Invalid", $" \"\" is invalid: {field}: Invalid value: {why}", new JsonObject
    {
        ["causes"] = new JsonArray(new JsonObject { ["reason"] = "FieldValueInvalid", ["message"] = $"Invalid value: {why}", ["field"] = field }),
    });

    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = Continue is null ? new JsonObject() : new JsonObject { ["continue"] = Continue },
            ["status"] = "Failure",
            ["message"] = Message,
        };
        if (Reason.Length > 0) status["reason"] = Reason;
        if (Details is not null) status["details"] = Details.DeepClone();
        status["code"] = Code;
        return status;
    }

    private static JsonObject DetailsOf(string group, string kind, string name)
    {
        var details = new JsonObject();
        if (name.Length > 0) details["name"] = name;
        if (group.Length > 0) details["group"] = group;
        details["kind"] = kind;
        return details;
    }
}
