using System.Text.RegularExpressions;

namespace Fairlead.ApiServer.HTTP.Proxying;

/// <summary>Turns links of a proxied page, and the target of a redirect, into links that come back through the proxy.</summary>
/// <param name="prefix">The proxy's path, without a slash at its end.</param>
/// <param name="authority">Of the proxied server, as it may name itself in absolute links.</param>
internal sealed partial class HtmlLinks(string prefix, string authority)
{
    public string RewritePage(string html) => Link().Replace(html, match => $"{match.Groups[1].Value}{Rewrite(match.Groups[2].Value)}{match.Groups[3].Value}");

    /// <summary>A link on the proxied server gets the prefix; one to elsewhere, or relative to the page, stays.</summary>
    public string Rewrite(string link)
    {
        if (link.StartsWith('/') && !link.StartsWith("//", StringComparison.Ordinal)) return link.StartsWith(prefix + "/", StringComparison.Ordinal) ? link : prefix + link;
        if (!Uri.TryCreate(link, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")) return link;
        return uri.Authority == authority ? prefix + uri.PathAndQuery + uri.Fragment : link;
    }

    /// <summary>The attributes of HTML 4 and 5 that hold one URL.</summary>
    [GeneratedRegex("""(<[a-zA-Z][^<>]*?\s(?:href|src|action|cite|data|background|longdesc|formaction|poster|icon|manifest|codebase|usemap|profile|classid)\s*=\s*["'])([^"'<>]*)(["'])""", RegexOptions.IgnoreCase)]
    private static partial Regex Link();
}
