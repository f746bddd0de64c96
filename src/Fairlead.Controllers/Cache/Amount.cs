using System.Globalization;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>A number or a percentage, as in maxSurge and maxUnavailable.</summary>
internal readonly record struct Amount(int Value, bool IsPercent)
{
    public static Amount From(IntOrString? value, Amount otherwise)
    {
        if (value?.Value is not { Length: > 0 } text) return otherwise;
        var isPercent = text.EndsWith('%');
        return int.TryParse(isPercent ? text[..^1] : text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? new(number, isPercent)
            : otherwise;
    }

    /// <summary>How many of the total that is.</summary>
    public int Of(int total, bool roundUp)
    {
        if (!IsPercent) return Value;
        var part = (long)Value * total;
        return (int)(roundUp ? (part + 99) / 100 : part / 100);
    }
}
