using Fairlead.Ingress.Tls;

namespace Fairlead.Ingress.Routes;

/// <summary>
/// Every route at one moment; immutable. A host's own routes win over those of a wildcard, which stands for one label, and those over the
/// routes of no host. A host that has routes does not fall through to others: what they do not match is the default backend's.
/// </summary>
internal sealed class RouteTable
{
    internal static readonly RouteTable Empty = new(new(StringComparer.Ordinal), null);

    private readonly Dictionary<string, HostRoutes> _hosts;
    private readonly HostRoutes? _any;

    /// <param name="hosts">By host; a wildcard as *.example.com, that of no host as the empty text. Not to be changed afterwards.</param>
    /// <param name="fallback">What answers for requests that no route matches; null: 404.</param>
    internal RouteTable(Dictionary<string, HostRoutes> hosts, Route? fallback)
    {
        _hosts = hosts;
        _any = hosts.GetValueOrDefault("");
        Fallback = fallback;
    }

    internal Route? Fallback { get; }

    internal int HostCount => _hosts.Count;

    internal Dictionary<string, HostRoutes> CopyHosts() => new(_hosts, StringComparer.Ordinal);

    /// <param name="host">Lower case, without a port.</param>
    /// <param name="path">Normalized.</param>
    internal Route? Find(ReadOnlySpan<char> host, string path) => (HostOf(host) ?? _any)?.Find(path) ?? Fallback;

    /// <summary>What is asked of clients of a server name, in a handshake; null: nothing.</summary>
    internal ClientAuth? ClientAuthOf(string serverName) => (HostOf(serverName.ToLowerInvariant().TrimEnd('.')) ?? _any) is { } routes ? routes.ClientAuth : Fallback?.ClientAuth;

    /// <summary>False: the host's paths are regular expressions, and were not asked.</summary>
    internal bool TryFindSimply(ReadOnlySpan<char> host, string path, out Route? route)
    {
        var routes = HostOf(host) ?? _any;
        route = routes?.UsesPatterns == true ? null : routes?.Find(path) ?? Fallback;
        return routes?.UsesPatterns != true;
    }

    private HostRoutes? HostOf(ReadOnlySpan<char> host)
    {
        var hosts = _hosts.GetAlternateLookup<ReadOnlySpan<char>>();
        if (host.Length > 0 && hosts.TryGetValue(host, out var found)) return found;
        var dot = host.IndexOf('.');
        if (dot <= 0 || host.Length > MaxHost) return null;
        Span<char> wildcard = stackalloc char[MaxHost + 1];
        wildcard[0] = '*';
        host[dot..].CopyTo(wildcard[1..]);
        return hosts.TryGetValue(wildcard[..(host.Length - dot + 1)], out found) ? found : null;
    }

    private const int MaxHost = 255;
}
