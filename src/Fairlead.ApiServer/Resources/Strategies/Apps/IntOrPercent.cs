using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies.Apps;

/// <summary>Rules of fields that hold a number or a percentage: maxSurge, maxUnavailable.</summary>
internal static class IntOrPercent
{
    private const string Form = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

    /// <summary>Says what is wrong with the value; a missing one is zero.</summary>
    /// <param name="atMostAll">Whether more than 100% makes no sense.</param>
    public static void Check(JsonObject obj, string name, string field, bool atMostAll, FieldErrors errors)
    {
        if (obj.Number(name) is < 0 and var number) errors.Invalid($"{field}.{name}", number, "must be greater than or equal to 0");
        if (obj.Text(name) is not { } text) return;
        if (Percent(text) is not { } percent) errors.Invalid($"{field}.{name}", text, Form);
        else if (atMostAll && percent > 100) errors.Invalid($"{field}.{name}", text, "must not be greater than 100%");
    }

    public static bool IsZero(JsonObject obj, string name) =>
        obj.Text(name) is { } text ? Percent(text) == 0 : (obj.Number(name) ?? 0) == 0;

    private static int? Percent(string text) =>
        text.EndsWith('%') && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var percent) ? percent : null;
}
