using System.Text.RegularExpressions;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Ingress.Tls;

namespace Fairlead.Ingress.Routes;

/// <summary>
/// The paths of one host, in Kubernetes' order: an exact path, then the longest prefix (https://kubernetes.io/docs/concepts/services-networking/ingress/#multiple-matches).
/// A lookup costs one probe for each length that prefixes of this host have, however many there are.
/// Where an Ingress of the host uses regular expressions, all its paths are such, longest text first, without regard to case, as in ingress-nginx.
/// </summary>
internal sealed class HostRoutes
{
    private readonly Dictionary<string, Route> _exact = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Route> _prefixes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Route> _texts = new(StringComparer.Ordinal);
    private readonly int[] _lengths;
    private readonly Route[] _patterns = [];

    /// <param name="routes">Of one host, no two with the same kind and normalized path.</param>
    /// <param name="clientAuth">What the host asks of its clients, whatever the path; null: nothing.</param>
    internal HostRoutes(IReadOnlyCollection<Route> routes, ClientAuth? clientAuth = null)
    {
        ClientAuth = clientAuth;
        if (routes.Any(route => route.Pattern is not null))
        {
            _patterns = [.. routes.OrderByDescending(route => route.Path.Length).ThenBy(route => route.Path, StringComparer.Ordinal)];
            _lengths = [];
            return;
        }
        foreach (var kinds in routes.CountBy(route => route.Kind)) Of(kinds.Key).EnsureCapacity(kinds.Value);
        var lengths = new HashSet<int>();
        foreach (var route in routes)
        {
            var path = Normalize(route.Kind, route.Path);
            Of(route.Kind)[path] = route;
            if (route.Kind != PathKind.Exact) lengths.Add(path.Length);
        }
        foreach (var route in _texts.Values)
        {
            if (route.Path is [_, .., '/']) SendToSlash(route);
        }
        _lengths = [.. lengths.OrderDescending()];
    }

    internal ClientAuth? ClientAuth { get; }

    /// <summary>Regular expressions decide, which may take their time.</summary>
    internal bool UsesPatterns => _patterns.Length > 0;

    /// <summary>What two claims must share to be the same: a Prefix with and without slashes at its end is one.</summary>
    internal static string Normalize(PathKind kind, string path) => kind == PathKind.Prefix ? path.TrimEnd('/') : path;

    /// <param name="path">Normalized, beginning with a slash.</param>
    internal Route? Find(string path)
    {
        if (_patterns.Length > 0) return FindPattern(path);
        if (_exact.TryGetValue(path, out var route)) return route;
        var prefixes = _prefixes.GetAlternateLookup<ReadOnlySpan<char>>();
        var texts = _texts.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var length in _lengths)
        {
            if (length > path.Length) continue;
            var head = path.AsSpan(0, length);
            if ((length == path.Length || path[length] == '/') && prefixes.TryGetValue(head, out route)) return route;
            if (texts.TryGetValue(head, out route)) return route;
        }
        return null;
    }

    /// <summary>nginx' quirk: where the text /foo/ has a location and /foo has none, /foo is redirected there (its documentation of "location").</summary>
    private void SendToSlash(Route route)
    {
        var bare = route.Path[..^1];
        if (!_prefixes.ContainsKey(bare) && !_texts.ContainsKey(bare)) _exact.TryAdd(bare, route with { LacksSlash = true });
    }

    private Route? FindPattern(string path)
    {
        foreach (var route in _patterns)
        {
            if (IsMatch(route, path)) return route;
        }
        return null;
    }

    private static bool IsMatch(Route route, string path)
    {
        try
        {
            return route.Pattern!.IsMatch(path);
        }
        catch (RegexMatchTimeoutException)
        {
            // An expression that takes so long for this path matches nothing; the others of the host do not suffer for it.
            return false;
        }
    }

    private Dictionary<string, Route> Of(PathKind kind) => kind switch
    {
        PathKind.Exact => _exact,
        PathKind.Prefix => _prefixes,
        _ => _texts,
    };
}
