using System.Globalization;

namespace Fairlead.Kube;

/// <summary>Times as Kubernetes writes them.</summary>
public static class Timestamps
{
    /// <summary>metav1.Time: whole seconds, UTC.</summary>
    public static string Seconds(DateTime utc) => utc.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>metav1.MicroTime: six decimals, UTC.</summary>
    public static string Micro(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture);

    /// <summary>RFC 3339 with as much of a fraction as there is.</summary>
    public static string Exact(DateTime utc) => utc.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFZ", CultureInfo.InvariantCulture);

    public static string Seconds(DateTimeOffset time) => Seconds(time.UtcDateTime);

    /// <summary>The time without its fraction of a second.</summary>
    public static DateTime Whole(DateTimeOffset time)
    {
        var utc = time.UtcDateTime;
        return new DateTime(utc.Ticks - (utc.Ticks % TimeSpan.TicksPerSecond), DateTimeKind.Utc);
    }
}
