using System.Globalization;
using System.Text;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy;

/// <summary>The cookie by which a client keeps its pod: what a Service, which knows connections only, cannot do.</summary>
internal static class AffinityCookie
{
    /// <summary>A Set-Cookie value, or null where the client has it already.</summary>
    internal static string? For(Route route, IRequest request, Endpoint endpoint, TimeProvider time)
    {
        if (route.Options.Affinity is not { } affinity) return null;
        if (Cookies.Find(request.Header("Cookie"), affinity.CookieName) is { } had)
        {
            if (had == endpoint.Token) return null;
            // A session whose endpoint only failed for the moment goes back to it, unless it is meant to move.
            if (!affinity.ChangeOnFailure && route.Backend?.State.ByToken.ContainsKey(had) == true) return null;
        }
        return Write(affinity, route, request, endpoint.Token, time);
    }

    private static string Write(AffinityOptions affinity, Route route, IRequest request, string token, TimeProvider time)
    {
        var text = new StringBuilder(affinity.CookieName).Append('=').Append(token);
        // Seconds from now; ingress-nginx' "expires" is that too.
        if (affinity.Expires is { } expires) text.Append("; Expires=").Append(time.GetUtcNow().AddSeconds(expires).ToString("R", CultureInfo.InvariantCulture));
        if (affinity.MaxAge is { } age) text.Append("; Max-Age=").Append(age.ToString(CultureInfo.InvariantCulture));
        if (affinity.Domain is { } domain) text.Append("; Domain=").Append(domain);
        text.Append("; Path=").Append(affinity.Path ?? (route.Pattern is null ? route.Path : "/"));
        if (affinity.Secure ?? request.IsHttps) text.Append("; Secure");
        text.Append("; HttpOnly");
        if (affinity.SameSite is { } sameSite && !(sameSite == "None" && affinity.ConditionalNone && SameSiteNone.IsMisread(request.Header("User-Agent")))) text.Append("; SameSite=").Append(sameSite);
        return text.ToString();
    }
}
