using System.IO.Hashing;
using System.Text;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy;

/// <summary>Chooses an endpoint: the session's, else by hash, else by the route's way of balancing. Those that lately failed are left out while others are there.</summary>
internal sealed class Balancer(TimeProvider time)
{
    private const int MostProbes = 8;

    /// <param name="tried">Endpoints that this request has failed at.</param>
    /// <returns>Null where there is none left.</returns>
    internal Endpoint? Pick(Backend backend, RouteOptions options, IRequest request, IReadOnlyList<Endpoint> tried)
    {
        var state = backend.State;
        if (state.Endpoints.Length == 0) return null;
        if (options.Affinity is { } affinity && tried.Count == 0 && Sticky(state, affinity, request) is { } sticky) return sticky;
        if (options.HashBy is { } key) return ByHash(state.Endpoints, key, request, tried);
        return options.Balancing == Balancing.RoundRobin ? Round(backend, state.Endpoints, tried) : OfTwo(backend, state.Endpoints, options.Balancing, tried);
    }

    private Endpoint? Sticky(BackendState state, AffinityOptions affinity, IRequest request)
    {
        if (Cookies.Find(request.Header("Cookie"), affinity.CookieName) is not { } token || !state.ByToken.TryGetValue(token, out var endpoint)) return null;
        return affinity.ChangeOnFailure && endpoint.IsEjected(time) ? null : endpoint;
    }

    private Endpoint? Round(Backend backend, Endpoint[] endpoints, IReadOnlyList<Endpoint> tried)
    {
        var turn = backend.NextTurn();
        Endpoint? lastResort = null;
        for (uint i = 0; i < endpoints.Length; i++)
        {
            var endpoint = endpoints[(turn + i) % endpoints.Length];
            if (tried.Contains(endpoint)) continue;
            if (!endpoint.IsEjected(time)) return endpoint;
            lastResort ??= endpoint;
        }
        return lastResort;
    }

    private Endpoint? OfTwo(Backend backend, Endpoint[] endpoints, Balancing balancing, IReadOnlyList<Endpoint> tried)
    {
        if (endpoints.Length == 1) return tried.Count == 0 ? endpoints[0] : null;
        Endpoint? first = null;
        var at = Random.Shared.Next(endpoints.Length);
        // Never the same one twice in a row, so that of two endpoints both are looked at.
        for (var probe = 0; probe < MostProbes; probe++, at = (at + 1 + Random.Shared.Next(endpoints.Length - 1)) % endpoints.Length)
        {
            var drawn = endpoints[at];
            if (drawn == first || tried.Contains(drawn) || drawn.IsEjected(time)) continue;
            if (first is null)
            {
                first = drawn;
                continue;
            }
            var isBetter = balancing == Balancing.Ewma ? drawn.Cost < first.Cost : drawn.InFlight < first.InFlight;
            return isBetter ? drawn : first;
        }
        return first ?? Round(backend, endpoints, tried);
    }

    /// <summary>Rendezvous hashing: an endpoint that comes or goes moves its own share only.</summary>
    private Endpoint? ByHash(Endpoint[] endpoints, HashKey key, IRequest request, IReadOnlyList<Endpoint> tried)
    {
        var seed = (long)XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(Text(key, request)));
        Endpoint? best = null;
        Endpoint? lastResort = null;
        ulong highest = 0;
        foreach (var endpoint in endpoints)
        {
            if (tried.Contains(endpoint)) continue;
            lastResort ??= endpoint;
            if (endpoint.IsEjected(time)) continue;
            var score = XxHash3.HashToUInt64(Encoding.ASCII.GetBytes(endpoint.Token), seed);
            if (best is not null && score <= highest) continue;
            (best, highest) = (endpoint, score);
        }
        return best ?? lastResort;
    }

    private static string Text(HashKey key, IRequest request)
    {
        if (key.Parts.Count == 1) return Value(key.Parts[0], request);
        return string.Concat(key.Parts.Select(part => Value(part, request)));
    }

    private static string Value(HashPart part, IRequest request) => part.Source switch
    {
        HashSource.Text => part.Name,
        HashSource.RequestUri => request.Target.Raw,
        HashSource.Uri => request.Target.Path,
        HashSource.Arguments => request.Target.Query.TrimStart('?'),
        HashSource.Host => request.Host,
        HashSource.RemoteAddress => request.Client.ToString(),
        HashSource.Header => request.Header(part.Name) ?? "",
        HashSource.Cookie => Cookies.Find(request.Header("Cookie"), part.Name) ?? "",
        _ => Argument(request.Target.Query, part.Name),
    };

    private static string Argument(string query, string name)
    {
        foreach (var pair in query.TrimStart('?').Split('&'))
        {
            if (pair.Length > name.Length && pair[name.Length] == '=' && pair.StartsWith(name, StringComparison.Ordinal)) return pair[(name.Length + 1)..];
        }
        return "";
    }
}
