using System.Net;
using System.Text.RegularExpressions;
using Fairlead.Ingress.Tls;
using Fairlead.Kube;

namespace Fairlead.Ingress.Annotations;

/// <summary>How pods are spoken to.</summary>
internal enum BackendProtocol
{
    Http,
    Https,
    Grpc,
    Grpcs,
}

internal enum Balancing
{
    RoundRobin,

    /// <summary>The one of two drawn at random with fewer requests under way.</summary>
    LeastRequests,

    /// <summary>The one of two drawn at random that lately answered faster, weighed with its requests under way.</summary>
    Ewma,
}

/// <summary>
/// What ingress-nginx' annotations ask of the routes of one Ingress; each default is ingress-nginx' own, but for the size of bodies, which is not limited.
/// </summary>
internal sealed record RouteOptions
{
    internal static readonly RouteOptions Default = new();

    /// <summary>Why requests are refused with 503: a guard that was asked for and cannot be given. Null: they are not.</summary>
    public string? Denied { get; init; }

    public bool UseRegex { get; init; }
    public string? RewriteTarget { get; init; }
    public string? AppRoot { get; init; }
    public Redirect? Redirect { get; init; }
    public bool SslRedirect { get; init; } = true;
    public bool ForceSslRedirect { get; init; }
    public EquatableArray<string> ServerAliases { get; init; }

    public BackendProtocol Protocol { get; init; }
    public string? UpstreamHost { get; init; }
    public string? ForwardedPrefix { get; init; }
    public bool ServiceUpstream { get; init; }
    public Balancing Balancing { get; init; }
    public HashKey? HashBy { get; init; }

    /// <summary>Bytes; 0: no limit.</summary>
    public long BodySize { get; init; }

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(60);
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public AffinityOptions? Affinity { get; init; }
    public CorsOptions? Cors { get; init; }
    public LimitOptions Limits { get; init; } = new();
    public CanaryOptions? Canary { get; init; }

    public EquatableArray<IPNetwork> Allowed { get; init; }
    public EquatableArray<IPNetwork> Refused { get; init; }

    public BasicAuthOptions? BasicAuth { get; init; }
    public ExternalAuthOptions? ExternalAuth { get; init; }
    public ClientCertificateOptions? ClientCertificates { get; init; }

    /// <summary>Service of the same namespace that answers where no endpoint is, and the errors below.</summary>
    public string? DefaultBackend { get; init; }

    public EquatableArray<int> CustomErrors { get; init; }

    /// <summary>Nothing is asked for that takes more than passing a request on.</summary>
    public bool IsLean =>
        Protocol == BackendProtocol.Http && !UseRegex && RewriteTarget is null && BodySize == 0 && Cors is null && Limits.IsNone && BasicAuth is null && ExternalAuth is null && CustomErrors.Count == 0;
}

internal sealed record Redirect(string Url, int Status);

/// <summary>What requests are told apart by: pieces of text and of the request, in nginx' notation.</summary>
internal sealed record HashKey(EquatableArray<HashPart> Parts);

internal readonly record struct HashPart(HashSource Source, string Name);

internal enum HashSource
{
    Text,
    RequestUri,
    Uri,
    Arguments,
    Host,
    RemoteAddress,
    Header,
    Cookie,
    Argument,
}

internal sealed record AffinityOptions
{
    public string CookieName { get; init; } = "INGRESSCOOKIE";
    public string? Path { get; init; }
    public string? Domain { get; init; }
    public string? SameSite { get; init; }

    /// <summary>SameSite=None is left out for browsers that take it for Strict, or drop the cookie.</summary>
    public bool ConditionalNone { get; init; }
    public bool? Secure { get; init; }
    public int? MaxAge { get; init; }
    public int? Expires { get; init; }

    /// <summary>A client whose endpoint failed gets another, for good.</summary>
    public bool ChangeOnFailure { get; init; }

    /// <summary>Canaries stick too, which is the default; "legacy" leaves the cookie to each side alone.</summary>
    public bool StickyCanary { get; init; } = true;
}

internal sealed record CorsOptions
{
    public EquatableArray<string> Origins { get; init; } = new(["*"]);
    public string Methods { get; init; } = "GET, PUT, POST, DELETE, PATCH, OPTIONS";
    public string Headers { get; init; } =
        "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization";
    public string? ExposedHeaders { get; init; }
    public bool Credentials { get; init; } = true;

    /// <summary>Seconds.</summary>
    public int MaxAge { get; init; } = 1728000;
}

/// <summary>For each client address; 0: no limit.</summary>
internal sealed record LimitOptions
{
    public int RequestsPerSecond { get; init; }
    public int RequestsPerMinute { get; init; }
    public int Connections { get; init; }
    public int BurstMultiplier { get; init; } = 5;
    public EquatableArray<IPNetwork> Exempt { get; init; }

    public bool IsNone => RequestsPerSecond == 0 && RequestsPerMinute == 0 && Connections == 0;
}

/// <summary>Which requests go to this Ingress instead of the one with the same hosts and paths that is no canary.</summary>
internal sealed record CanaryOptions
{
    public int Weight { get; init; }
    public int WeightTotal { get; init; } = 100;
    public string? Header { get; init; }
    public string? HeaderValue { get; init; }
    public string? HeaderPattern { get; init; }
    public string? Cookie { get; init; }

    /// <summary>Built once; null where there is none.</summary>
    public Regex? Pattern { get; init; }
}

/// <param name="Users">With their passwords' hashes; none until the Secret is there.</param>
/// <param name="IsMap">Each of the Secret's keys is a user, rather than one of them a file of users.</param>
internal sealed record BasicAuthOptions(string Secret = "", string Realm = "", EquatableArray<KeyValuePair<string, string>> Users = default, bool IsMap = false);

internal sealed record ClientCertificateOptions
{
    public string Secret { get; init; } = "";
    public ClientVerify Verify { get; init; }
    public int Depth { get; init; } = 1;
    public bool PassesCertificate { get; init; }
    public string? ErrorPage { get; init; }
    public Regex? NamePattern { get; init; }

    /// <summary>Null until the Secret is there, and where nothing is asked.</summary>
    public ClientAuth? Auth { get; init; }
}

internal sealed record ExternalAuthOptions
{
    public string Url { get; init; } = "";
    public string? SignIn { get; init; }
    /// <summary>Where the asked service is to send the client back, in place of the request's own target; with nginx' variables.</summary>
    public string? RequestRedirect { get; init; }

    /// <summary>Its cookies reach the client with every answer, errors included.</summary>
    public bool AlwaysSetsCookie { get; init; }

    public string SignInRedirectParameter { get; init; } = "rd";
    public string? Method { get; init; }
    public EquatableArray<string> ResponseHeaders { get; init; }
}
