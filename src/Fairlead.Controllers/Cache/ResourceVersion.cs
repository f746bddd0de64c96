using System.Globalization;

namespace Fairlead.Controllers.Cache;

/// <summary>
/// Resource versions as numbers: since Kubernetes 1.35 versions of one resource may be compared
/// (Kubernetes documentation: "API Concepts", resource versions).
/// </summary>
internal static class ResourceVersion
{
    /// <summary>0 for an absent or foreign form.</summary>
    public static long Parse(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0;

    public static string Text(long version) => version.ToString(CultureInfo.InvariantCulture);
}
