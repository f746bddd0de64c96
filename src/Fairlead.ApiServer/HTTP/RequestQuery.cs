using System.Globalization;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Selectors;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>The query parameters of lists, watches and writes (Kubernetes API reference: "Common Parameters").</summary>
internal static class RequestQuery
{
    public static bool IsTrue(HttpContext context, string name) => context.Request.Query[name].ToString() is "true" or "1" or "True";

    public static bool DryRun(HttpContext context)
    {
        var value = context.Request.Query["dryRun"].ToString();
        return value switch
        {
            "" => false,
            "All" => true,
            _ => throw ApiError.BadRequest($"Invalid value: \"{value}\": dryRun: supported values: \"All\""),
        };
    }

    public static long? Number(HttpContext context, string name)
    {
        var text = context.Request.Query[name].ToString();
        if (text.Length == 0) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiError.BadRequest($"Invalid value: \"{text}\": {name} must be a non-negative integer");
    }

    /// <summary>
    /// Which combinations of resourceVersion, resourceVersionMatch, continue and sendInitialEvents make sense
    /// (Kubernetes API concepts: "Resource versions").
    /// </summary>
    /// <exception cref="ApiError">422, as Kubernetes words it.</exception>
    public static void CheckListOptions(HttpContext context, bool watch)
    {
        var query = context.Request.Query;
        var (match, version) = (query["resourceVersionMatch"].ToString(), query["resourceVersion"].ToString());
        var initial = query["sendInitialEvents"].ToString().Length > 0;
        var errors = new FieldErrors();
        if (watch && initial && match != "NotOlderThan")
            errors.Forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        else if (watch && !initial && match.Length > 0)
            errors.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        else if (!watch && initial) errors.Forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        else if (!watch && match.Length > 0) CheckMatch(match, version, query["continue"].ToString(), errors);
        if (errors.Any) throw ApiError.Invalid(ListOptions, "", errors);
    }

    private static void CheckMatch(string match, string version, string token, FieldErrors errors)
    {
        if (version.Length == 0) errors.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
        if (token.Length > 0) errors.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
        if (match is not ("Exact" or "NotOlderThan")) errors.NotSupported("resourceVersionMatch", match, "Exact", "NotOlderThan", "");
        if (match == "Exact" && version == "0") errors.Forbidden("resourceVersionMatch", "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"");
    }

    private static readonly Kind ListOptions = new("meta.k8s.io", "v1", "ListOptions", "listoptions", false, "V1ListMeta");

    public static Selection Selection(HttpContext context, Kind kind, string ns, string? name = null)
    {
        if (!LabelSelector.TryParse(context.Request.Query["labelSelector"], out var labels, out var error)) throw ApiError.BadRequest(error);
        var fields = Fields(context.Request.Query["fieldSelector"].ToString(), kind);
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
            if (field is not ("metadata.name" or "metadata.namespace") && !kind.SelectableFields.ContainsKey(field))
                throw ApiError.BadRequest($"field label not supported: {field}");
            // A boolean that is not set is false to a selector.
            if (value == "false" && field is "spec.unschedulable" or "spec.hostNetwork") fields.Add(new FieldRequirement(field, "true", negated < 0));
            else fields.Add(new FieldRequirement(field, value, negated >= 0));
        }
        return fields;
    }
}
