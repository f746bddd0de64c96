using System.Net;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy;

/// <summary>What rules need to know of a request, whatever read it.</summary>
internal interface IRequest
{
    string Method { get; }

    /// <summary>Lower case, without port and final dot.</summary>
    string Host { get; }

    /// <summary>As the client sent it.</summary>
    string Authority { get; }

    RequestTarget Target { get; }

    bool IsHttps { get; }

    IPAddress Client { get; }

    /// <summary>The client's X-Request-ID, else one made here: 32 hexadecimal digits.</summary>
    string Id { get; }

    /// <summary>Null where none is declared.</summary>
    long? ContentLength { get; }

    /// <summary>Values of repeated fields joined with commas (cookies with semicolons); null where there is none.</summary>
    string? Header(string name);
}

internal static class HostName
{
    /// <summary>Of an authority: without port and final dot, in lower case.</summary>
    internal static string Of(string authority)
    {
        var end = authority.Length;
        var colon = authority.LastIndexOf(':');
        if (colon >= 0 && authority.IndexOf(']', colon) < 0) end = colon;
        if (end > 0 && authority[end - 1] == '.') end--;
        var host = authority.AsSpan(0, end);
        return end == authority.Length && !host.ContainsAnyInRange('A', 'Z') ? authority : host.ToString().ToLowerInvariant();
    }
}

internal static class Cookies
{
    /// <summary>The value of a cookie in a Cookie field (RFC 6265, section 4.2); null where it is not there.</summary>
    internal static string? Find(string? header, string name)
    {
        if (header is null) return null;
        foreach (var range in header.AsSpan().Split(';'))
        {
            var pair = header.AsSpan(range).Trim();
            if (pair.Length > name.Length && pair[name.Length] == '=' && pair.StartsWith(name, StringComparison.Ordinal)) return pair[(name.Length + 1)..].Trim('"').ToString();
        }
        return null;
    }
}
