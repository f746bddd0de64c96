using System.Buffers;
using System.Globalization;

namespace Fairlead.Ingress.Proxy;

/// <summary>Browsers that take SameSite=None for Strict, or drop such a cookie (https://www.chromium.org/updates/same-site/incompatible-clients/).</summary>
internal static class SameSiteNone
{
    private const int FirstChromium = 51, LastChromium = 66;
    private static readonly SearchValues<char> InVersions = SearchValues.Create("0123456789.");
    private static readonly Version FirstGoodUc = new(12, 13, 2);

    internal static bool IsMisread(string? userAgent) => userAgent is not null && (TakesItForStrict(userAgent) || DropsIt(userAgent));

    /// <summary>WebKit's fault: iOS 12, and macOS 10.14's Safari and views embedded in programs.</summary>
    private static bool TakesItForStrict(string agent)
    {
        var open = agent.IndexOf('(', StringComparison.Ordinal);
        var close = agent.IndexOf(") AppleWebKit/", StringComparison.Ordinal);
        if (open < 0 || close < open) return false;
        var system = agent[(open + 1)..close];
        if (system.StartsWith("iP", StringComparison.Ordinal)) return system.Contains("; CPU ", StringComparison.Ordinal) && system.Contains(" OS 12_", StringComparison.Ordinal);
        if (!system.StartsWith("Macintosh;", StringComparison.Ordinal) || !system.Contains("Mac OS X 10_14", StringComparison.Ordinal)) return false;
        return Chromium(agent) is null && (agent.Contains(" Safari/", StringComparison.Ordinal) || agent.EndsWith("(KHTML, like Gecko)", StringComparison.Ordinal));
    }

    private static bool DropsIt(string agent) =>
        After(agent, "UCBrowser/") is { } uc ? Version.TryParse(uc, out var version) && version < FirstGoodUc : Chromium(agent) is >= FirstChromium and <= LastChromium;

    private static int? Chromium(string agent) =>
        (After(agent, "Chrome/") ?? After(agent, "Chromium/")) is { } version && int.TryParse(version.Split('.')[0], CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>Three numbers at most, as one version.</summary>
    private static string? After(string agent, string product)
    {
        var at = agent.IndexOf(product, StringComparison.Ordinal);
        if (at < 0) return null;
        var rest = agent.AsSpan(at + product.Length);
        var end = rest.IndexOfAnyExcept(InVersions);
        return string.Join('.', (end < 0 ? rest : rest[..end]).ToString().Split('.').Take(3));
    }
}
