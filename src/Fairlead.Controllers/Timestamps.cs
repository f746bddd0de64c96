using System.Globalization;

namespace Fairlead.Controllers;

/// <summary>Times as Kubernetes writes them.</summary>
internal static class Timestamps
{
    /// <summary>metav1.Time: whole seconds, UTC.</summary>
    public static string Seconds(DateTime utc) => utc.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    public static string Seconds(DateTimeOffset time) => Seconds(time.UtcDateTime);
}
