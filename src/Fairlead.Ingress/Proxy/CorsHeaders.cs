using System.Globalization;
using Fairlead.Ingress.Annotations;

namespace Fairlead.Ingress.Proxy;

/// <summary>Cross-origin answers (https://fetch.spec.whatwg.org/#http-cors-protocol) as ingress-nginx writes them.</summary>
internal static class CorsHeaders
{
    /// <summary>A browser's question before the request; answered here with 204.</summary>
    internal static bool IsPreflight(CorsOptions? cors, IRequest request) => cors is not null && request.Method == "OPTIONS";

    internal static void Write<TSink>(TSink sink, CorsOptions cors, IRequest request) where TSink : IHeaderSink
    {
        if (Origin(cors, request.Header("Origin")) is not { } origin) return;
        sink.Set("Access-Control-Allow-Origin", origin);
        if (cors.Credentials) sink.Set("Access-Control-Allow-Credentials", "true");
        if (cors.ExposedHeaders is { } exposed) sink.Set("Access-Control-Expose-Headers", exposed);
        sink.Set("Access-Control-Allow-Methods", cors.Methods);
        sink.Set("Access-Control-Allow-Headers", cors.Headers);
        sink.Set("Access-Control-Max-Age", cors.MaxAge.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>The origin to allow, or null for one that is not meant.</summary>
    private static string? Origin(CorsOptions cors, string? origin)
    {
        foreach (var allowed in cors.Origins)
        {
            if (allowed == "*") return "*";
            if (origin is not null && Matches(allowed, origin)) return origin;
        }
        return null;
    }

    private static bool Matches(string allowed, string origin)
    {
        if (origin.Equals(allowed, StringComparison.OrdinalIgnoreCase)) return true;
        var star = allowed.IndexOf("://*.", StringComparison.Ordinal);
        if (star < 0) return false;
        var scheme = allowed[..(star + 3)];
        var suffix = allowed[(star + 4)..];
        return origin.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && origin.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)
            && origin.Length > scheme.Length + suffix.Length && !origin.AsSpan(scheme.Length, origin.Length - scheme.Length - suffix.Length).ContainsAny("./:");
    }
}
