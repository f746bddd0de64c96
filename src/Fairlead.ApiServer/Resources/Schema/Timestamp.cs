using System.Globalization;
using System.Text.RegularExpressions;
using Fairlead.Kube;

namespace Fairlead.ApiServer.Resources.Schema;

/// <summary>How Kubernetes writes times: RFC 3339 in UTC, to the second (metav1.Time) or with six decimals (metav1.MicroTime).</summary>
internal static partial class Timestamp
{
    public static string Format(DateTimeOffset at, bool micro = false) =>
        micro ? Timestamps.Micro(at) : Timestamps.Seconds(at);

    /// <summary>Reads RFC 3339, which wants a T between date and time and an offset or Z.</summary>
    public static bool TryParse(string text, out DateTimeOffset at)
    {
        at = default;
        return Form().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out at);
    }

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")]
    private static partial Regex Form();
}
