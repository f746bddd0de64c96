using System.Collections.Frozen;
using System.Text.RegularExpressions;
using Fairlead.Ingress.Tls;

namespace Fairlead.Ingress.Annotations;

/// <summary>One annotation: how its text changes the options, or what is wrong with it.</summary>
/// <param name="Name">Without the prefix nginx.ingress.kubernetes.io/.</param>
/// <param name="Guards">It protects: where its value is wrong, the Ingress is not served rather than served unprotected.</param>
internal sealed record AnnotationRow(string Name, bool Guards, Func<RouteOptions, string, (RouteOptions Options, string? Error)> Apply);

/// <summary>
/// The annotations of ingress-nginx that are understood (https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/), as data:
/// name, kind of value, field of <see cref="RouteOptions"/>.
/// </summary>
internal static class AnnotationTable
{
    private static readonly AnnotationRow[] Paths =
    [
        Row("rewrite-target", Values.Text, (o, v) => o with { RewriteTarget = v.Length == 0 ? null : v }),
        Row("use-regex", Values.Boolean, (o, v) => o with { UseRegex = v }),
        Row("app-root", Values.Url, (o, v) => o with { AppRoot = v }),
        Row("ssl-redirect", Values.Boolean, (o, v) => o with { SslRedirect = v }),
        Row("force-ssl-redirect", Values.Boolean, (o, v) => o with { ForceSslRedirect = v }),
        Row("permanent-redirect", Values.Url, (o, v) => o with { Redirect = new Redirect(v, o.Redirect?.Status ?? 301) }),
        Row("permanent-redirect-code", Values.OneOf(("300", 300), ("301", 301), ("302", 302), ("303", 303), ("307", 307), ("308", 308)), RedirectCode),
        // A temporary one wins over a permanent one, as it does there.
        Row("temporal-redirect", Values.Url, (o, v) => o with { Redirect = new Redirect(v, 302) }),
        Row("temporal-redirect-code", Values.OneOf(("302", 302), ("303", 303), ("307", 307)), RedirectCode),
        Row("server-alias", Values.Hosts, (o, v) => o with { ServerAliases = v }),
    ];

    private static readonly AnnotationRow[] Backends =
    [
        Row("backend-protocol", Values.OneOf(
            ("HTTP", BackendProtocol.Http), ("AUTO_HTTP", BackendProtocol.Http), ("HTTPS", BackendProtocol.Https), ("GRPC", BackendProtocol.Grpc), ("GRPCS", BackendProtocol.Grpcs)),
            (o, v) => o with { Protocol = v }),
        Row("upstream-vhost", Values.Text, (o, v) => o with { UpstreamHost = v }),
        Row("x-forwarded-prefix", Values.Text, (o, v) => o with { ForwardedPrefix = v }),
        Row("service-upstream", Values.Boolean, (o, v) => o with { ServiceUpstream = v }),
        Row("load-balance", Values.OneOf(("round_robin", Balancing.RoundRobin), ("ewma", Balancing.Ewma), ("least_conn", Balancing.LeastRequests)), (o, v) => o with { Balancing = v }),
        Row("upstream-hash-by", HashKeys.Kind, (o, v) => o with { HashBy = v }),
        Row("proxy-body-size", Values.Size, (o, v) => o with { BodySize = v }),
        Row("client-max-body-size", Values.Size, (o, v) => o with { BodySize = v }),
        Row("proxy-connect-timeout", Values.Duration, (o, v) => o with { ConnectTimeout = v }),
        Row("proxy-read-timeout", Values.Duration, (o, v) => o with { ReadTimeout = v }),
        Row("proxy-send-timeout", Values.Duration, (o, v) => o with { SendTimeout = v }),
        Row("default-backend", Values.Token, (o, v) => o with { DefaultBackend = v }),
        Row("custom-http-errors", Values.Statuses, (o, v) => o with { CustomErrors = v }),
    ];

    private static readonly AnnotationRow[] Sessions =
    [
        Row("affinity", Values.OneOf(("cookie", true)), (o, _) => o with { Affinity = o.Affinity ?? new() }),
        Row("affinity-mode", Values.OneOf(("balanced", true), ("persistent", true)), (o, _) => o),
        Row("affinity-canary-behavior", Values.OneOf(("sticky", true), ("legacy", false)), Affinity<bool>((a, v) => a with { StickyCanary = v })),
        Row("session-cookie-name", Values.Token, Affinity<string>((a, v) => a with { CookieName = v })),
        Row("session-cookie-path", Values.Text, Affinity<string>((a, v) => a with { Path = v })),
        Row("session-cookie-domain", Values.Token, Affinity<string>((a, v) => a with { Domain = v })),
        Row("session-cookie-samesite", Values.OneOf(("None", "None"), ("Lax", "Lax"), ("Strict", "Strict")), Affinity<string>((a, v) => a with { SameSite = v })),
        Row("session-cookie-conditional-samesite-none", Values.Boolean, Affinity<bool>((a, v) => a with { ConditionalNone = v })),
        Row("session-cookie-secure", Values.Boolean, Affinity<bool>((a, v) => a with { Secure = v })),
        Row("session-cookie-max-age", Values.SignedCount, Affinity<int>((a, v) => a with { MaxAge = v })),
        Row("session-cookie-expires", Values.SignedCount, Affinity<int>((a, v) => a with { Expires = v })),
        Row("session-cookie-change-on-failure", Values.Boolean, Affinity<bool>((a, v) => a with { ChangeOnFailure = v })),
    ];

    private static readonly AnnotationRow[] Cors =
    [
        Row("enable-cors", Values.Boolean, (o, v) => o with { Cors = v ? o.Cors ?? new() : null }),
        Row("cors-allow-origin", Values.Origins, Shared<Kube.EquatableArray<string>>((c, v) => c with { Origins = v })),
        Row("cors-allow-methods", Values.Text, Shared<string>((c, v) => c with { Methods = v })),
        Row("cors-allow-headers", Values.Text, Shared<string>((c, v) => c with { Headers = v })),
        Row("cors-expose-headers", Values.Text, Shared<string>((c, v) => c with { ExposedHeaders = v })),
        Row("cors-allow-credentials", Values.Boolean, Shared<bool>((c, v) => c with { Credentials = v })),
        Row("cors-max-age", Values.Count, Shared<int>((c, v) => c with { MaxAge = v })),
    ];

    private static readonly AnnotationRow[] Guards =
    [
        Guard("whitelist-source-range", Values.Networks, (o, v) => o with { Allowed = v }),
        Guard("allowlist-source-range", Values.Networks, (o, v) => o with { Allowed = v }),
        Guard("denylist-source-range", Values.Networks, (o, v) => o with { Refused = v }),
        Guard("auth-type", Values.OneOf(("basic", true)), (o, _) => o with { BasicAuth = o.BasicAuth ?? new() }),
        Guard("auth-secret", Values.Text, (o, v) => o with { BasicAuth = o.BasicAuth is { } auth ? auth with { Secret = v } : null }),
        Guard("auth-secret-type", Values.OneOf(("auth-file", false), ("auth-map", true)), (o, v) => o with { BasicAuth = o.BasicAuth is { } auth ? auth with { IsMap = v } : null }),
        Row("auth-realm", Values.Text, (o, v) => o with { BasicAuth = o.BasicAuth is { } auth ? auth with { Realm = v } : null }),
        Guard("auth-url", Values.Url, (o, v) => o with { ExternalAuth = (o.ExternalAuth ?? new()) with { Url = v } }),
        Row("auth-signin", Values.Url, External<string>((a, v) => a with { SignIn = v })),
        Row("auth-signin-redirect-param", Values.Token, External<string>((a, v) => a with { SignInRedirectParameter = v })),
        Row("auth-request-redirect", Values.Url, External<string>((a, v) => a with { RequestRedirect = v })),
        Row("auth-always-set-cookie", Values.Boolean, External<bool>((a, v) => a with { AlwaysSetsCookie = v })),
        Row("auth-method", Values.Token, External<string>((a, v) => a with { Method = v })),
        Row("auth-response-headers", Values.Names, External<Kube.EquatableArray<string>>((a, v) => a with { ResponseHeaders = v })),
        Guard("limit-rps", Values.Count, (o, v) => o with { Limits = o.Limits with { RequestsPerSecond = v } }),
        Guard("limit-rpm", Values.Count, (o, v) => o with { Limits = o.Limits with { RequestsPerMinute = v } }),
        Guard("limit-connections", Values.Count, (o, v) => o with { Limits = o.Limits with { Connections = v } }),
        Row("limit-burst-multiplier", Values.Count, (o, v) => o with { Limits = o.Limits with { BurstMultiplier = Math.Max(1, v) } }),
        Row("limit-whitelist", Values.Networks, (o, v) => o with { Limits = o.Limits with { Exempt = v } }),
        Row("limit-allowlist", Values.Networks, (o, v) => o with { Limits = o.Limits with { Exempt = v } }),
        Guard("auth-tls-secret", Values.Text, Client<string>((c, v) => c with { Secret = v })),
        Guard("auth-tls-verify-client", Values.OneOf(("on", ClientVerify.On), ("off", ClientVerify.Off), ("optional", ClientVerify.Optional), ("optional_no_ca", ClientVerify.OptionalNoAuthority)),
            Client<ClientVerify>((c, v) => c with { Verify = v })),
        Guard("auth-tls-verify-depth", Values.Count, Client<int>((c, v) => c with { Depth = v })),
        Guard("auth-tls-match-cn", Values.Pattern, Client<Regex>((c, v) => c with { NamePattern = v })),
        Row("auth-tls-pass-certificate-to-upstream", Values.Boolean, Client<bool>((c, v) => c with { PassesCertificate = v })),
        Row("auth-tls-error-page", Values.HttpUrl, Client<string>((c, v) => c with { ErrorPage = v })),
    ];

    private static readonly AnnotationRow[] Canaries =
    [
        Row("canary", Values.Boolean, (o, v) => o with { Canary = v ? o.Canary ?? new() : null }),
        Row("canary-weight", Values.Count, Canary<int>((c, v) => c with { Weight = v })),
        Row("canary-weight-total", Values.Count, Canary<int>((c, v) => c with { WeightTotal = Math.Max(1, v) })),
        Row("canary-by-header", Values.Token, Canary<string>((c, v) => c with { Header = v })),
        Row("canary-by-header-value", Values.Text, Canary<string>((c, v) => c with { HeaderValue = v })),
        Row("canary-by-header-pattern", Values.Pattern, Canary<Regex>((c, v) => c with { HeaderPattern = v.ToString(), Pattern = v })),
        Row("canary-by-cookie", Values.Token, Canary<string>((c, v) => c with { Cookie = v })),
    ];

    /// <summary>Those that this proxy cannot follow, and why; and those whose wish is always met.</summary>
    private static readonly AnnotationRow[] Others =
    [
        Unsupported("configuration-snippet", false, "snippets of nginx' configuration are refused: there is no nginx here, and they let one Ingress take over all"),
        Unsupported("server-snippet", false, "snippets of nginx' configuration are refused: there is no nginx here, and they let one Ingress take over all"),
        Unsupported("stream-snippet", false, "snippets of nginx' configuration are refused: there is no nginx here"),
        Unsupported("auth-snippet", false, "snippets of nginx' configuration are refused: there is no nginx here"),
        Unsupported("modsecurity-snippet", false, "there is no ModSecurity here"),
        Row("proxy-buffering", Values.OneOf(("off", false)), (o, _) => o),
        Row("proxy-request-buffering", Values.OneOf(("off", false)), (o, _) => o),
        Row("proxy-http-version", Values.OneOf(("1.1", false)), (o, _) => o),
        Row("preserve-trailing-slash", Values.Boolean, (o, _) => o),
    ];

    /// <summary>In the order in which they are applied: what switches a feature on comes before its details.</summary>
    internal static readonly FrozenDictionary<string, (AnnotationRow Row, int Order)> Rows =
        ((AnnotationRow[])[.. Paths, .. Backends, .. Sessions, .. Cors, .. Guards, .. Canaries, .. Others])
        .Select((row, order) => (row, order)).ToFrozenDictionary(pair => pair.row.Name, StringComparer.Ordinal);

    private static RouteOptions RedirectCode(RouteOptions o, int code) => o.Redirect is null ? o : o with { Redirect = o.Redirect with { Status = code } };

    private static Func<RouteOptions, T, RouteOptions> Affinity<T>(Func<AffinityOptions, T, AffinityOptions> set) =>
        (o, v) => o.Affinity is { } affinity ? o with { Affinity = set(affinity, v) } : o;

    private static Func<RouteOptions, T, RouteOptions> Shared<T>(Func<CorsOptions, T, CorsOptions> set) =>
        (o, v) => o.Cors is { } cors ? o with { Cors = set(cors, v) } : o;

    private static Func<RouteOptions, T, RouteOptions> Canary<T>(Func<CanaryOptions, T, CanaryOptions> set) =>
        (o, v) => o.Canary is { } canary ? o with { Canary = set(canary, v) } : o;

    private static Func<RouteOptions, T, RouteOptions> External<T>(Func<ExternalAuthOptions, T, ExternalAuthOptions> set) =>
        (o, v) => o.ExternalAuth is { } auth ? o with { ExternalAuth = set(auth, v) } : o;

    private static Func<RouteOptions, T, RouteOptions> Client<T>(Func<ClientCertificateOptions, T, ClientCertificateOptions> set) =>
        (o, v) => o with { ClientCertificates = set(o.ClientCertificates ?? new(), v) };

    private static AnnotationRow Row<T>(string name, ValueKind<T> kind, Func<RouteOptions, T, RouteOptions> set, bool guards = false) =>
        new(name, guards, (options, text) => kind.TryRead(text, out var value) ? (set(options, value), null) : (options, $"expects {kind.Expected}"));

    private static AnnotationRow Guard<T>(string name, ValueKind<T> kind, Func<RouteOptions, T, RouteOptions> set) => Row(name, kind, set, guards: true);

    private static AnnotationRow Unsupported(string name, bool guards, string why) => new(name, guards, (options, _) => (options, why));
}
