using System.Net;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes;
using Fairlead.Kube;

namespace Fairlead.Ingress.Proxy;

/// <summary>What becomes of a request before any pod hears of it.</summary>
/// <param name="Status">0: it goes on.</param>
/// <param name="Location">Of a redirect.</param>
/// <param name="Reason">For the client to read, in place of the status' usual phrase.</param>
internal readonly record struct Decision(int Status, string? Location = null, string? Reason = null)
{
    internal static readonly Decision GoOn;

    internal bool IsFinal => Status != 0;
}

/// <summary>The rules of a route that need nothing but the request. Pure; in the order in which nginx' phases apply them.</summary>
internal static class Policy
{
    private const int Https = 443;

    /// <param name="httpsPort">By which clients reach this proxy.</param>
    internal static Decision Decide(Route route, IRequest request, int httpsPort)
    {
        var options = route.Options;
        // Found out while a location is looked for, before any of its rules.
        if (route.LacksSlash) return new Decision((int)HttpStatusCode.MovedPermanently, $"{Absolute(UpstreamTarget.Escape(request.Target.Path), request)}/{request.Target.Query}");
        if (options.Denied is not null) return new Decision((int)HttpStatusCode.ServiceUnavailable);
        if (!request.IsHttps && ((route.HasTls && options.SslRedirect) || options.ForceSslRedirect))
            return ToHttps(request, httpsPort);
        if (options.AppRoot is { } root && request.Target.Path == "/") return new Decision((int)HttpStatusCode.Found, Absolute(root, request));
        if (options.Redirect is { } redirect) return new Decision(redirect.Status, Expand(redirect.Url, request));
        if (!IsAllowed(options, request.Client)) return new Decision((int)HttpStatusCode.Forbidden);
        if (options.BodySize > 0 && request.ContentLength > options.BodySize) return new Decision((int)HttpStatusCode.RequestEntityTooLarge);
        return Decision.GoOn;
    }

    internal static Decision ToHttps(IRequest request, int httpsPort) =>
        new((int)HttpStatusCode.PermanentRedirect, $"https://{request.Host}{(httpsPort == Https ? "" : $":{httpsPort}")}{request.Target.Raw}");

    private static bool IsAllowed(RouteOptions options, IPAddress client) =>
        !Contains(options.Refused, client) && (options.Allowed.Count == 0 || Contains(options.Allowed, client));

    internal static bool Contains(EquatableArray<IPNetwork> networks, IPAddress client)
    {
        foreach (var network in networks)
        {
            if (network.Contains(client)) return true;
        }
        return false;
    }

    private static string Absolute(string url, IRequest request) =>
        url[0] == '/' ? $"{(request.IsHttps ? "https" : "http")}://{request.Authority}{url}" : url;

    /// <summary>The variables of nginx that redirects are written with.</summary>
    internal static string Expand(string text, IRequest request) => !text.Contains('$', StringComparison.Ordinal) ? text : text
        .Replace("$request_uri", request.Target.Raw, StringComparison.Ordinal)
        .Replace("$escaped_request_uri", Uri.EscapeDataString(request.Target.Raw), StringComparison.Ordinal)
        .Replace("$scheme", request.IsHttps ? "https" : "http", StringComparison.Ordinal)
        .Replace("$http_host", request.Authority, StringComparison.Ordinal)
        .Replace("$host", request.Host, StringComparison.Ordinal)
        .Replace("$uri", request.Target.Path, StringComparison.Ordinal);
}
