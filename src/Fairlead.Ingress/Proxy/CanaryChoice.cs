using System.Text.RegularExpressions;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy;

/// <summary>Whether a request goes to the canary: by header, else by cookie, else by weight, as ingress-nginx orders them.</summary>
internal static class CanaryChoice
{
    /// <param name="draw">A number from 0 up to its argument.</param>
    internal static Route Choose(Route route, IRequest request, Func<int, int> draw)
    {
        if (route.Canary is not { } canary || canary.Options.Canary is not { } rule) return route;
        if (ByAffinity(route, canary, request) is { } sticky) return sticky;
        if (ByHeader(rule, request) is { } header) return header ? canary : route;
        if (rule.Cookie is { } name && Word(Cookies.Find(request.Header("Cookie"), name)) is { } cookie) return cookie ? canary : route;
        return rule.Weight > 0 && draw(rule.WeightTotal) < rule.Weight ? canary : route;
    }

    /// <summary>A session stays on the side where it began.</summary>
    private static Route? ByAffinity(Route route, Route canary, IRequest request)
    {
        if (route.Options.Affinity is not { StickyCanary: true } affinity || Cookies.Find(request.Header("Cookie"), affinity.CookieName) is not { } token) return null;
        if (route.Backend?.State.ByToken.ContainsKey(token) == true) return route;
        return canary.Backend?.State.ByToken.ContainsKey(token) == true ? canary : null;
    }

    private static bool? ByHeader(CanaryOptions rule, IRequest request)
    {
        if (rule.Header is null || request.Header(rule.Header) is not { } value) return null;
        if (rule.HeaderValue is { Length: > 0 } wanted) return value == wanted ? true : null;
        return rule.Pattern is null ? Word(value) : IsMatch(rule.Pattern, value) ? true : null;
    }

    private static bool IsMatch(Regex pattern, string value)
    {
        try
        {
            return pattern.IsMatch(value);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }

    private static bool? Word(string? value) => value switch { "always" => true, "never" => false, _ => null };
}
