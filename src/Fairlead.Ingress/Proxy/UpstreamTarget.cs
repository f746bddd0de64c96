using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy;

/// <summary>The target that a pod receives: as the client sent it, or what rewrite-target makes of its normalized path.</summary>
internal static class UpstreamTarget
{
    private const string Unescaped = "-._~!$&'()*+,;=:@/";

    internal static string Of(Route route, RequestTarget target)
    {
        if (route.Options.RewriteTarget is not { } rewrite || route.Pattern is null || rewrite == route.Path) return target.Raw;
        var match = Match(route.Pattern, target.Path);
        if (match is null) return target.Raw;
        var written = Expand(rewrite, match);
        if (written.Length == 0 || written[0] != '/') written = "/" + written;
        var mark = written.IndexOf('?', StringComparison.Ordinal);
        // Arguments of the rewriting come before those of the request, as nginx puts them.
        var path = Escape(mark < 0 ? written : written[..mark]);
        if (mark < 0) return path + target.Query;
        return path + written[mark..] + (target.Query.Length > 1 ? "&" + target.Query[1..] : "");
    }

    private static Match? Match(Regex pattern, string path)
    {
        try
        {
            return pattern.Match(path) is { Success: true } match ? match : null;
        }
        catch (RegexMatchTimeoutException)
        {
            return null;
        }
    }

    /// <summary>$1 to $9, also in braces.</summary>
    private static string Expand(string rewrite, Match match)
    {
        if (!rewrite.Contains('$', StringComparison.Ordinal)) return rewrite;
        var text = new StringBuilder();
        for (var i = 0; i < rewrite.Length; i++)
        {
            var at = i + 1;
            var braced = rewrite[i] == '$' && at < rewrite.Length && rewrite[at] == '{';
            if (braced) at++;
            if (rewrite[i] != '$' || at >= rewrite.Length || !char.IsAsciiDigit(rewrite[at]) || (braced && (at + 1 >= rewrite.Length || rewrite[at + 1] != '}')))
            {
                text.Append(rewrite[i]);
                continue;
            }
            text.Append(match.Groups[rewrite[at] - '0'].Value);
            i = braced ? at + 1 : at;
        }
        return text.ToString();
    }

    /// <summary>RFC 3986: what a path may not have as it is. The path was decoded for matching.</summary>
    internal static string Escape(string path)
    {
        if (!path.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + Unescaped)) return path;
        var text = new StringBuilder();
        foreach (var value in Encoding.UTF8.GetBytes(path))
        {
            if (value < 0x80 && (char.IsAsciiLetterOrDigit((char)value) || Unescaped.Contains((char)value, StringComparison.Ordinal))) text.Append((char)value);
            else text.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
        }
        return text.ToString();
    }
}
