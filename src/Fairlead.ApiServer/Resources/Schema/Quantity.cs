using System.Globalization;
using System.Text.RegularExpressions;

namespace Fairlead.ApiServer.Resources.Schema;

/// <summary>The form of resource amounts such as <c>100m</c> and <c>64Mi</c> (Kubernetes API reference: "Quantity").</summary>
internal static partial class Quantity
{
    public const string Rule = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("Pi", 1L << 50), ("Ei", 1L << 60),
        ("n", 1e-9m), ("u", 1e-6m), ("m", 1e-3m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m), ("E", 1e18m),
    ];

    public static bool IsValid(string text) => Form().IsMatch(text);

    /// <summary>The amount in whole units (cores, bytes, objects), at most 2^63-1 as in Kubernetes. What has no valid form is nothing.</summary>
    public static decimal Value(string text)
    {
        if (!IsValid(text)) return 0;
        foreach (var (suffix, factor) in Suffixes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal)) return Parse(text[..^suffix.Length], factor);
        }
        return Parse(text, 1);
    }

    private static decimal Parse(string number, decimal factor)
    {
        // No decimal is as large as what people may write.
        if (!decimal.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || Math.Abs(value) > long.MaxValue / factor)
            return number.StartsWith('-') ? -long.MaxValue : long.MaxValue;
        return value * factor;
    }

    /// <summary>Billionths of a unit in the shortest whole form: 2000000 is <c>2m</c>.</summary>
    public static string OfNanos(long nanos)
    {
        if (nanos == 0) return "0";
        ReadOnlySpan<string> suffixes = ["n", "u", "m", ""];
        var step = 0;
        for (; step < suffixes.Length - 1 && nanos % 1000 == 0; step++) nanos /= 1000;
        return nanos.ToString(CultureInfo.InvariantCulture) + suffixes[step];
    }

    /// <summary>Bytes in the shortest whole form: 2048 is <c>2Ki</c>.</summary>
    public static string OfBytes(long bytes)
    {
        if (bytes == 0) return "0";
        ReadOnlySpan<string> suffixes = ["", "Ki", "Mi", "Gi", "Ti"];
        var step = 0;
        for (; step < suffixes.Length - 1 && bytes % 1024 == 0; step++) bytes /= 1024;
        return bytes.ToString(CultureInfo.InvariantCulture) + suffixes[step];
    }

    public static int Compare(string one, string other) => Value(one).CompareTo(Value(other));

    [GeneratedRegex(@"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?$")]
    private static partial Regex Form();
}
