using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Ingress.Routes.Objects;

/// <summary>How a path is compared (Kubernetes documentation: "Ingress", path types).</summary>
internal enum PathKind
{
    /// <summary>The whole path, case-sensitive.</summary>
    Exact,

    /// <summary>Element by element: /foo matches /foo, /foo/ and /foo/bar, not /foobar.</summary>
    Prefix,

    /// <summary>As ingress-nginx reads ImplementationSpecific: a prefix of the text, /foo matches /foobar too; or a regular expression.</summary>
    Text,
}

/// <summary>A Service's port as an Ingress names it.</summary>
/// <param name="PortName">Empty where the number is given.</param>
internal readonly record struct BackendInfo(string Service, string PortName, int PortNumber)
{
    internal static BackendInfo? From(V1IngressBackend? backend) => backend?.Service is not { } service
        ? null
        : new BackendInfo(service.Name, service.Port?.Name ?? "", service.Port?.Number ?? 0);
}

/// <param name="Backend">Null for a backend that is no Service.</param>
internal readonly record struct PathInfo(string Path, PathKind Kind, BackendInfo? Backend);

/// <param name="Host">Lower case; empty for every host.</param>
internal readonly record struct RuleInfo(string Host, EquatableArray<PathInfo> Paths);

/// <param name="Secret">Empty where only the fallback certificate is meant.</param>
internal readonly record struct TlsInfo(EquatableArray<string> Hosts, string Secret);

/// <summary>What decides an Ingress' routes.</summary>
internal sealed record IngressSpecInfo
{
    public string? ClassName { get; init; }

    /// <summary>The annotation kubernetes.io/ingress.class, from before IngressClass.</summary>
    public string? ClassAnnotation { get; init; }

    public EquatableArray<RuleInfo> Rules { get; init; }

    public BackendInfo? DefaultBackend { get; init; }

    public EquatableArray<TlsInfo> Tls { get; init; }

    /// <summary>Those of ingress-nginx, without their prefix, in the order of their names.</summary>
    public EquatableArray<KeyValuePair<string, string>> Annotations { get; init; }
}

/// <summary>What is kept of an Ingress.</summary>
/// <param name="Created">The older of two that claim the same wins.</param>
/// <param name="Addresses">Those in its status.</param>
internal sealed record IngressInfo(ObjectKey Key, string Uid, DateTime Created, IngressSpecInfo Spec, EquatableArray<string> Addresses)
{
    private const string AnnotationPrefix = "nginx.ingress.kubernetes.io/";
    private const string OldClassAnnotation = "kubernetes.io/ingress.class";

    internal static IngressInfo From(V1Ingress ingress)
    {
        var meta = ingress.Metadata;
        var annotations = meta.Annotations ?? new Dictionary<string, string>();
        var spec = ingress.Spec;
        return new IngressInfo(
            ObjectKey.Of(ingress), meta.Uid ?? "", meta.CreationTimestamp ?? DateTime.MinValue,
            new IngressSpecInfo
            {
                ClassName = spec?.IngressClassName,
                ClassAnnotation = annotations.TryGetValue(OldClassAnnotation, out var name) ? name : null,
                Rules = new((spec?.Rules ?? []).Where(rule => rule.Http is not null).Select(Rule)),
                DefaultBackend = BackendInfo.From(spec?.DefaultBackend),
                Tls = new((spec?.Tls ?? []).Select(tls => new TlsInfo(new((tls.Hosts ?? []).Select(Lower)), tls.SecretName ?? ""))),
                Annotations = new(annotations
                    .Where(pair => pair.Key.StartsWith(AnnotationPrefix, StringComparison.Ordinal))
                    .Select(pair => KeyValuePair.Create(pair.Key[AnnotationPrefix.Length..], pair.Value ?? ""))
                    .OrderBy(pair => pair.Key, StringComparer.Ordinal)),
            },
            new((ingress.Status?.LoadBalancer?.Ingress ?? []).Select(address => address.Ip ?? address.Hostname ?? "")));
    }

    private static RuleInfo Rule(V1IngressRule rule) => new(Lower(rule.Host), new((rule.Http.Paths ?? []).Select(Path)));

    private static PathInfo Path(V1HTTPIngressPath path) => new(
        string.IsNullOrEmpty(path.Path) ? "/" : path.Path,
        path.PathType switch { "Exact" => PathKind.Exact, "Prefix" => PathKind.Prefix, _ => PathKind.Text },
        BackendInfo.From(path.Backend));

    private static string Lower(string? host) => (host ?? "").ToLowerInvariant();
}
