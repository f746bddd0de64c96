using System.Globalization;
using System.Text.RegularExpressions;

namespace Fairlead.ApiServer.HTTP;

/// <summary>Durations as Go writes them, such as <c>1m30s</c> and <c>250ms</c> (https://pkg.go.dev/time#ParseDuration).</summary>
internal static partial class GoDuration
{
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        if (text is "0" or "+0" or "-0") return true;
        var match = Form().Match(text);
        if (!match.Success) return false;
        var seconds = 0.0;
        for (var i = 0; i < match.Groups[2].Captures.Count; i++)
            seconds += double.Parse(match.Groups[2].Captures[i].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture) * SecondsOf(match.Groups[3].Captures[i].Value);
        if (seconds > TimeSpan.MaxValue.TotalSeconds / 2) return false;
        duration = TimeSpan.FromSeconds(match.Groups[1].Value == "-" ? -seconds : seconds);
        return true;
    }

    private static double SecondsOf(string unit) => unit switch
    {
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        "ms" => 1e-3,
        "ns" => 1e-9,
        _ => 1e-6,
    };

    [GeneratedRegex(@"^([+-]?)(?:([0-9]+\.?[0-9]*|\.[0-9]+)(h|ms|m|s|us|µs|μs|ns))+$")]
    private static partial Regex Form();
}
