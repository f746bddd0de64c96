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
