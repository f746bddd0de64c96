using System.Net;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Ingress.Tls;
using Fairlead.Kube;

namespace Fairlead.Ingress.Routes;

/// <param name="Backend">Null where only a redirect is meant.</param>
/// <param name="IsImplied">The Ingress' default backend, for what its host's paths do not match; any path that is written wins.</param>
internal readonly record struct PlannedRoute(string Host, string Path, PathKind Kind, BackendKey? Backend, bool HasTls, bool IsImplied);

/// <summary>What an Ingress wants of one host.</summary>
internal sealed class PlannedHost(PlannedRoute[] routes)
{
    internal PlannedRoute[] Routes => routes;

    /// <summary>What was made of each lately, to be used again while nothing beside it changes. The builder's.</summary>
    internal Route?[] Built { get; } = new Route?[routes.Length];
}

internal readonly record struct PlannedCertificate(string Host, ObjectKey Secret);

/// <summary>What one Ingress asks for, before it meets the others.</summary>
internal sealed record IngressPlan(IngressInfo Ingress, RouteOptions Options)
{
    public required IReadOnlyDictionary<string, PlannedHost> ByHost { get; init; }

    /// <summary>Of an Ingress without rules: what answers where no Ingress does.</summary>
    public required BackendKey? CatchAll { get; init; }

    public required IReadOnlyList<PlannedCertificate> Certificates { get; init; }

    public required IReadOnlyList<Problem> Problems { get; init; }

    /// <summary>Secrets that it names, there or not.</summary>
    public required IReadOnlySet<ObjectKey> Secrets { get; init; }

    public IEnumerable<string> Hosts => ByHost.Keys.Concat(Certificates.Select(certificate => certificate.Host)).Distinct();
}

/// <summary>The older of two that claim the same wins; of the same age, the first by name.</summary>
internal sealed class OldestFirst : IComparer<IngressPlan>
{
    internal static readonly OldestFirst Instance = new();

    public int Compare(IngressPlan? x, IngressPlan? y)
    {
        var (one, other) = (x!.Ingress, y!.Ingress);
        var order = one.Created.CompareTo(other.Created);
        if (order == 0) order = string.CompareOrdinal(one.Key.Namespace, other.Key.Namespace);
        return order != 0 ? order : string.CompareOrdinal(one.Key.Name, other.Key.Name);
    }
}

/// <summary>Reads an Ingress. Pure.</summary>
internal static class IngressPlanner
{
    /// <param name="secrets">The Secret of a name, or null.</param>
    internal static IngressPlan Plan(IngressInfo ingress, Func<ObjectKey, SecretInfo?> secrets)
    {
        var problems = new List<Problem>();
        var named = new HashSet<ObjectKey>();
        var options = AnnotationReader.Read(ingress.Spec.Annotations, problems);
        options = WithUsers(options, ingress.Key.Namespace, named, secrets, problems);
        options = WithAuthorities(options, ingress.Key.Namespace, named, secrets, problems);
        options = Complete(options, problems);
        var certificates = Certificates(ingress, options, named, secrets, problems);
        var secured = certificates.Select(certificate => certificate.Host).ToHashSet(StringComparer.Ordinal);
        return new IngressPlan(ingress, options)
        {
            ByHost = Routes(ingress, options, secured, problems).GroupBy(route => route.Host).ToDictionary(group => group.Key, group => new PlannedHost([.. group]), StringComparer.Ordinal),
            CatchAll = ingress.Spec.Rules.Count == 0 && ingress.Spec.DefaultBackend is { } backend ? Key(ingress, backend, options) : null,
            Certificates = certificates,
            Problems = problems,
            Secrets = named,
        };
    }

    private static IEnumerable<PlannedRoute> Routes(IngressInfo ingress, RouteOptions options, HashSet<string> secured, List<Problem> problems)
    {
        foreach (var rule in ingress.Spec.Rules)
        {
            foreach (var host in (string[])[rule.Host, .. rule.Host.Length > 0 ? options.ServerAliases : []])
            {
                var hasTls = secured.Contains(host) || (host.Length > 0 && secured.Contains(Wildcard(host)));
                foreach (var path in rule.Paths)
                {
                    if (Route(ingress, options, host, path, hasTls, problems) is { } route) yield return route;
                }
                if (ingress.Spec.DefaultBackend is { } fallback && options.Canary is null)
                    yield return new PlannedRoute(host, "/", PathKind.Prefix, Key(ingress, fallback, options), hasTls, IsImplied: true);
            }
        }
    }

    private static PlannedRoute? Route(IngressInfo ingress, RouteOptions options, string host, PathInfo path, bool hasTls, List<Problem> problems)
    {
        if (path.Path[0] != '/')
        {
            problems.Add(new Problem("InvalidPath", $"path \"{path.Path}\" of host \"{host}\" does not begin with a slash and is not served"));
            return null;
        }
        if (path.Backend is not { } backend)
        {
            if (options.Redirect is not null) return new PlannedRoute(host, path.Path, path.Kind, null, hasTls, IsImplied: false);
            problems.Add(new Problem("UnsupportedBackend", $"path \"{path.Path}\" of host \"{host}\" has a backend that is no Service and is not served"));
            return null;
        }
        return new PlannedRoute(host, path.Path, path.Kind, Key(ingress, backend, options), hasTls, IsImplied: false);
    }

    private static BackendKey Key(IngressInfo ingress, BackendInfo backend, RouteOptions options) =>
        new(new ObjectKey(ingress.Key.Namespace, backend.Service), backend.PortName, backend.PortNumber, options.ServiceUpstream);

    private static List<PlannedCertificate> Certificates(
        IngressInfo ingress, RouteOptions options, HashSet<ObjectKey> named, Func<ObjectKey, SecretInfo?> secrets, List<Problem> problems)
    {
        var planned = new List<PlannedCertificate>();
        foreach (var tls in ingress.Spec.Tls)
        {
            // Only a Secret beside the Ingress: who may write Ingresses in one namespace gains nothing from another's keys.
            var key = new ObjectKey(ingress.Key.Namespace, tls.Secret);
            if (tls.Secret.Length > 0)
            {
                named.Add(key);
                if (ServingCertificate.Check(secrets(key)) is { } problem)
                    problems.Add(new Problem("InvalidCertificate", $"Secret {key}: {problem}; a self-signed certificate serves in its place"));
            }
            var hosts = tls.Hosts.Count > 0 ? tls.Hosts : new(ingress.Spec.Rules.Select(rule => rule.Host).Where(host => host.Length > 0).Distinct());
            planned.AddRange(hosts.Concat(options.ServerAliases).Select(host => new PlannedCertificate(host, key)));
        }
        return planned;
    }

    private static RouteOptions WithUsers(
        RouteOptions options, string ns, HashSet<ObjectKey> named, Func<ObjectKey, SecretInfo?> secrets, List<Problem> problems)
    {
        if (options.BasicAuth is not { } auth) return options;
        var key = SecretKey(auth.Secret, ns);
        if (key.Namespace != ns) return Deny($"Secret {key} of auth-secret is of another namespace, and out of reach");
        if (auth.Secret.Length == 0) return Deny("auth-type basic needs auth-secret");
        named.Add(key);
        var secret = secrets(key);
        if (auth.IsMap)
        {
            return secret is { Map.Count: > 0 } ? options with { BasicAuth = auth with { Users = secret.Map } }
                : Deny($"Secret {key} of auth-secret does not exist or has no value that is a password's hash");
        }
        if (secret is not { Users.Length: > 0 }) return Deny($"Secret {key} of auth-secret does not exist or has no key \"auth\"");
        return options with { BasicAuth = auth with { Users = PasswordFile.Read(secret.Users) } };

        RouteOptions Deny(string why)
        {
            problems.Add(new Problem("AuthSecret", $"{why}; until it is put right, requests are answered with 503"));
            return options with { Denied = options.Denied ?? why };
        }
    }

    /// <summary>The authorities that vouch for clients: of a Secret of the Ingress' own namespace, as ingress-nginx asks too unless it is told otherwise.</summary>
    private static RouteOptions WithAuthorities(
        RouteOptions options, string ns, HashSet<ObjectKey> named, Func<ObjectKey, SecretInfo?> secrets, List<Problem> problems)
    {
        if (options.ClientCertificates is not { Verify: not ClientVerify.Off } asked) return options;
        var key = SecretKey(asked.Secret, ns);
        if (asked.Secret.Length == 0) return Deny("client certificates cannot be checked without auth-tls-secret");
        if (key.Namespace != ns) return Deny($"Secret {key} of auth-tls-secret is of another namespace, and out of reach");
        named.Add(key);
        var problem = ClientAuth.TryMake(
            secrets(key), secret => new ClientAuthRule(secret.Authorities, secret.Revocations, asked.Verify, asked.Depth, asked.PassesCertificate, asked.ErrorPage, asked.NamePattern?.ToString()), out var auth);
        return problem is null ? options with { ClientCertificates = asked with { Auth = auth } } : Deny($"Secret {key} of auth-tls-secret: {problem}");

        RouteOptions Deny(string why)
        {
            problems.Add(new Problem("AuthTlsSecret", $"{why}; until it is put right, requests are answered with 503"));
            return options with { Denied = options.Denied ?? why };
        }
    }

    /// <summary>NAME or NAMESPACE/NAME.</summary>
    private static ObjectKey SecretKey(string text, string ns) =>
        text.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash ? new ObjectKey(text[..slash], text[(slash + 1)..]) : new ObjectKey(ns, text);

    /// <summary>What is wrong only when annotations are seen together.</summary>
    private static RouteOptions Complete(RouteOptions options, List<Problem> problems)
    {
        if (options.ExternalAuth is { } auth && !auth.Url.StartsWith("http", StringComparison.OrdinalIgnoreCase))
        {
            problems.Add(new Problem("InvalidAnnotation", "auth-url expects an http(s) URL; until it is put right, requests are answered with 503"));
            return options with { Denied = options.Denied ?? "auth-url" };
        }
        if (options.BodySize < 0 || options.Canary is not { } canary || canary.Weight <= canary.WeightTotal) return options;
        problems.Add(new Problem("InvalidAnnotation", $"canary-weight {canary.Weight} is more than canary-weight-total {canary.WeightTotal}: all requests go to the canary"));
        return options;
    }

    private static string Wildcard(string host) => host.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? "*" + host[dot..] : host;
}
