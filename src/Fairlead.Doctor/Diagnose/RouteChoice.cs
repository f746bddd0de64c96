using k8s.Models;

namespace Fairlead.Doctor.Diagnose;

/// <param name="Path">The path's entry; null: the Ingress' default backend.</param>
internal sealed record ChosenRoute(V1Ingress Ingress, string Host, V1HTTPIngressPath? Path, V1IngressBackend Backend)
{
    public string Words => Path is null ? $"default backend of ingress/{Ingress.Metadata.Name}" : $"{(Host.Length == 0 ? "*" : Host)}{Path.Path ?? "/"} ({Path.PathType}) of ingress/{Ingress.Metadata.Name}";
}

/// <summary>
/// Which rule a request takes (https://kubernetes.io/docs/concepts/services-networking/ingress/#path-types, #hostname-wildcards):
/// an exact host before a wildcard of one label before none, the exact path before the longest prefix, the older Ingress before the younger.
/// </summary>
internal static class RouteChoice
{
    internal static IEnumerable<string> Hosts(V1Ingress ingress) =>
        (ingress.Spec?.Rules ?? []).Select(rule => string.IsNullOrEmpty(rule.Host) ? "*" : rule.Host).Distinct();

    /// <param name="ingresses">Those of one class.</param>
    internal static ChosenRoute? Choose(IEnumerable<V1Ingress> ingresses, string host, string path)
    {
        var all = ingresses.ToList();
        var rules = all.SelectMany(ingress => (ingress.Spec?.Rules ?? []).Select(rule => (Ingress: ingress, Rule: rule, Rank: HostRank(rule.Host, host)))).Where(item => item.Rank > 0).ToList();
        var best = rules.Count == 0 ? 0 : rules.Max(item => item.Rank);
        var owners = rules.Where(item => item.Rank == best).ToList();
        var found = owners.SelectMany(item => (item.Rule.Http?.Paths ?? []).Select(entry => (item.Ingress, item.Rule, Entry: entry)))
            .Where(item => Matches(item.Entry, path))
            .OrderByDescending(item => item.Entry.PathType == "Exact").ThenByDescending(item => (item.Entry.Path ?? "/").TrimEnd('/').Length)
            .ThenBy(item => item.Ingress.Metadata.CreationTimestamp).ThenBy(item => item.Ingress.Metadata.NamespaceProperty + "/" + item.Ingress.Metadata.Name, StringComparer.Ordinal)
            .Select(item => new ChosenRoute(item.Ingress, item.Rule.Host ?? "", item.Entry, item.Entry.Backend)).FirstOrDefault();
        if (found is not null) return found;
        var fallback = owners.Select(item => item.Ingress).Concat(all.Where(ingress => ingress.Spec?.Rules is not { Count: > 0 })).FirstOrDefault(ingress => ingress.Spec?.DefaultBackend is not null);
        return fallback is null ? null : new ChosenRoute(fallback, "", null, fallback.Spec.DefaultBackend);
    }

    private static int HostRank(string? rule, string host)
    {
        if (string.IsNullOrEmpty(rule)) return 1;
        if (string.Equals(rule, host, StringComparison.OrdinalIgnoreCase)) return 3;
        var dot = host.IndexOf('.', StringComparison.Ordinal);
        return rule.StartsWith("*.", StringComparison.Ordinal) && dot > 0 && string.Equals(rule[1..], host[dot..], StringComparison.OrdinalIgnoreCase) ? 2 : 0;
    }

    private static bool Matches(V1HTTPIngressPath entry, string path)
    {
        var wanted = entry.Path ?? "/";
        return entry.PathType switch
        {
            "Exact" => path == wanted,
            "Prefix" => wanted == "/" || path == wanted.TrimEnd('/') || path.StartsWith(wanted.TrimEnd('/') + "/", StringComparison.Ordinal),
            _ => path.StartsWith(wanted, StringComparison.Ordinal),
        };
    }
}
