using System.Globalization;
using Fairlead.ApiServer.Patch.Apply;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Selectors;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>The query parameters of lists, watches and writes (Kubernetes API reference: "Common Parameters").</summary>
internal static class RequestQuery
{
    /// <summary>The value, of several the first as Kubernetes takes it (some clients give the container of an exec twice), or "".</summary>
    public static string First(this IQueryCollection query, string name) => query[name] is [{ } first, ..] ? first : "";

    public static bool IsTrue(HttpContext context, string name) => context.Request.Query.First(name) is "true" or "1" or "True";

    /// <exception cref="ApiError">422.</exception>
    public static bool DryRun(HttpContext context)
    {
        var value = context.Request.Query.First("dryRun");
        return value switch
        {
            "" => false,
            "All" => true,
            _ => throw Wrong(context, errors => errors.NotSupported("dryRun", value, "All")),
        };
    }

    /// <summary>422 for what a request asks beside its object, as Kubernetes words it.</summary>
    public static ApiError Wrong(HttpContext context, Action<FieldErrors> tell)
    {
        var errors = new FieldErrors();
        tell(errors);
        return ApiError.Invalid(Options(context.Request.Method switch { "POST" => "CreateOptions", "PUT" => "UpdateOptions", "DELETE" => "DeleteOptions", _ => "PatchOptions" }), "", errors);
    }

    /// <summary>The parameters of a write that say how it is to be read.</summary>
    /// <exception cref="ApiError">422.</exception>
    public static void CheckWriteOptions(HttpContext context, bool isApply)
    {
        var query = context.Request.Query;
        if (query.First("fieldValidation") is not ("" or "Ignore" or "Warn" or "Strict") and var validation)
            throw Wrong(context, errors => errors.NotSupported("fieldValidation", validation, "", "Ignore", "Strict", "Warn"));
        if (!isApply && query.ContainsKey("force") && context.Request.Method == "PATCH") throw Wrong(context, errors => errors.Forbidden("force", "may not be specified for non-apply patch"));
    }

    /// <summary>Who writes: the field manager that the request names, or the program that sends it.</summary>
    public static WriteOptions Write(HttpContext context, string subresource, string operation = FieldManager.Update)
    {
        const int Longest = 128;
        var manager = context.Request.Query.First("fieldManager");
        if (manager.Length > Longest) throw Wrong(context, errors => errors.TooLong("fieldManager", Longest));
        if (manager.Length == 0 && operation == FieldManager.Apply) throw Wrong(context, errors => errors.Required("fieldManager", "is required for apply patch"));
        if (manager.Length == 0) manager = context.Request.Headers.UserAgent.ToString().Split('/', 2)[0];
        if (manager.Length > Longest) manager = manager[..Longest];
        return new WriteOptions(DryRun(context), new FieldManager(manager.Length > 0 ? manager : "unknown", operation, subresource));
    }

    public static long? Number(HttpContext context, string name)
    {
        var text = context.Request.Query.First(name);
        if (text.Length == 0) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiError.BadRequest($"Invalid value: \"{text}\": {name} must be a non-negative integer");
    }

    /// <summary>The time that a client gives its request, of at most <paramref name="longest"/>; false where it is no duration.</summary>
    public static bool TryTimeout(HttpContext context, TimeSpan longest, out TimeSpan timeout)
    {
        timeout = longest;
        var text = context.Request.Query.First("timeout");
        if (text.Length == 0) return true;
        if (!GoDuration.TryParse(text, out var asked)) return false;
        if (asked > TimeSpan.Zero && asked < longest) timeout = asked;
        return true;
    }

    /// <summary>
    /// Which combinations of resourceVersion, resourceVersionMatch, continue and sendInitialEvents make sense
    /// (Kubernetes API concepts: "Resource versions").
    /// </summary>
    /// <exception cref="ApiError">422, as Kubernetes words it.</exception>
    public static void CheckListOptions(HttpContext context, bool watch)
    {
        var query = context.Request.Query;
        var (match, version) = (query.First("resourceVersionMatch"), query.First("resourceVersion"));
        var initial = query.First("sendInitialEvents").Length > 0;
        var errors = new FieldErrors();
        if (watch && initial && match != "NotOlderThan")
            errors.Forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        else if (watch && !initial && match.Length > 0)
            errors.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        else if (!watch && initial) errors.Forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        else if (!watch && match.Length > 0) CheckMatch(match, version, query.First("continue"), errors);
        if (errors.Any) throw ApiError.Invalid(Options("ListOptions"), "", errors);
        if (!watch && query.First("continue").Length > 0 && version is not ("" or "0")) throw ApiError.BadRequest("specifying resource version is not allowed when using continue");
    }

    private static void CheckMatch(string match, string version, string token, FieldErrors errors)
    {
        if (version.Length == 0) errors.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
        if (token.Length > 0) errors.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
        if (match is not ("Exact" or "NotOlderThan")) errors.NotSupported("resourceVersionMatch", match, "Exact", "NotOlderThan", "");
        if (match == "Exact" && version == "0") errors.Forbidden("resourceVersionMatch", "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"");
    }

    private static Kind Options(string name) => new("meta.k8s.io", "v1", name, name.ToLowerInvariant(), false, "V1ListMeta");

    public static Selection Selection(HttpContext context, Kind kind, string ns, string? name = null)
    {
        if (!LabelSelector.TryParse(context.Request.Query.First("labelSelector"), out var labels, out var error)) throw ApiError.BadRequest(error);
        var fields = Fields(context.Request.Query.First("fieldSelector"), kind);
        if (name is { Length: > 0 }) fields.Add(new FieldRequirement("metadata.name", name, false));
        return new Selection(ns, labels, fields);
    }

    private static List<FieldRequirement> Fields(string text, Kind kind)
    {
        var fields = new List<FieldRequirement>();
        foreach (var term in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var negated = term.IndexOf("!=", StringComparison.Ordinal);
            var at = negated >= 0 ? negated : term.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0) throw ApiError.BadRequest($"invalid selector: '{text}'; can't understand '{term}'");
            var field = term[..at].Trim();
            var value = term[(at + (negated >= 0 ? 2 : 1))..].TrimStart('=').Trim();
            field = kind.Conversion?.StoredField(field) ?? field;
            if (field is not ("metadata.name" or "metadata.namespace") && !kind.SelectableFields.ContainsKey(field))
                throw ApiError.BadRequest($"field label not supported: {field}");
            // A boolean that is not set is false to a selector.
            if (value == "false" && field is "spec.unschedulable" or "spec.hostNetwork") fields.Add(new FieldRequirement(field, "true", negated < 0));
            else fields.Add(new FieldRequirement(field, value, negated >= 0));
        }
        return fields;
    }
}
