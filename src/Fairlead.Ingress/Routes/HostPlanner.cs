using System.Text.RegularExpressions;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Ingress.Tls;
using Fairlead.Kube;

namespace Fairlead.Ingress.Routes;

/// <param name="Problems">Of the Ingresses that lost, by Ingress.</param>
internal sealed record HostPlan(HostRoutes? Routes, IReadOnlyList<(ObjectKey Ingress, Problem Problem)> Problems);

/// <summary>Joins what all Ingresses want of one host. Of two that claim the same path, the older wins.</summary>
/// <param name="defaultBackend">Answers what no Ingress does, and the errors of Ingresses that name no other; or null.</param>
internal sealed class HostPlanner(Func<BackendKey, Backend> backends, Func<ObjectKey, string, Metrics.RouteMetrics> metrics, BackendKey? defaultBackend = null)
{
    private readonly Dictionary<(PathKind, string), Claimed> _claims = [];
    private readonly Dictionary<(PathKind, string), Claimed> _canaries = [];
    private readonly List<(ObjectKey, Problem)> _problems = [];

    /// <summary>Of the host: a handshake knows no paths, so the oldest Ingress that asks asks for all.</summary>
    private ClientAuth? _clientAuth;

    /// <summary>Hot where a host has thousands of paths, of which one changes: routes are made anew only where something of theirs changed.</summary>
    /// <param name="plans">Of the Ingresses that name the host, the oldest first.</param>
    internal HostPlan Plan(string host, IReadOnlyList<IngressPlan> plans)
    {
        _claims.Clear();
        _claims.EnsureCapacity(plans.Count);
        _canaries.Clear();
        _problems.Clear();
        _clientAuth = null;
        Gather(host, plans);
        var usesPatterns = false;
        foreach (var claim in _claims.Values) usesPatterns |= claim.Plan.Options.UseRegex || NeedsRewrite(claim.Plan.Options, claim.Route);
        var routes = new List<Route>(_claims.Count);
        foreach (var (key, claim) in _claims)
        {
            if (Build(key, claim, usesPatterns) is { } route) routes.Add(route);
        }
        foreach (var (key, canary) in _canaries.Where(canary => !_claims.ContainsKey(canary.Key)))
            _problems.Add((canary.Plan.Ingress.Key, new Problem("CanaryWithoutMain", $"no Ingress but a canary has path \"{canary.Route.Path}\" of host \"{host}\": it is not served")));
        return new HostPlan(routes.Count == 0 ? null : new HostRoutes(routes, _clientAuth), [.. _problems]);
    }

    private void Gather(string host, IReadOnlyList<IngressPlan> plans)
    {
        var hasImplied = false;
        foreach (var plan in plans)
        {
            if (!plan.ByHost.TryGetValue(host, out var wanted)) continue;
            _clientAuth ??= plan.Options.ClientCertificates?.Auth;
            if (Differs(plan))
                _problems.Add((plan.Ingress.Key, new Problem("ClientCertificateConflict", $"an older Ingress asks clients of host \"{host}\" for certificates in another way; until both ask the same, this one's requests are answered with 503")));
            for (var i = 0; i < wanted.Routes.Length; i++)
            {
                if (wanted.Routes[i].IsImplied) hasImplied = true;
                else Claim(new Claimed(plan, wanted, i));
            }
        }
        // Any path that is written wins over those that are implied.
        if (!hasImplied) return;
        foreach (var plan in plans)
        {
            if (!plan.ByHost.TryGetValue(host, out var wanted)) continue;
            for (var i = 0; i < wanted.Routes.Length; i++)
            {
                if (wanted.Routes[i].IsImplied) ClaimRest(new Claimed(plan, wanted, i));
            }
        }
    }

    private void Claim(Claimed claim)
    {
        var (plan, route) = (claim.Plan, claim.Route);
        var claims = plan.Options.Canary is null ? _claims : _canaries;
        var key = (route.Kind, HostRoutes.Normalize(route.Kind, route.Path));
        if (claims.TryAdd(key, claim)) return;
        var winner = claims[key].Plan.Ingress.Key;
        if (winner == plan.Ingress.Key && claims[key].Route == route) return;
        _problems.Add((plan.Ingress.Key, new Problem(
            "PathConflict", $"path \"{route.Path}\" of host \"{route.Host}\" {(winner == plan.Ingress.Key ? "is there twice: the first serves it" : $"is claimed by the older Ingress {winner}, which serves it")}")));
    }

    private void ClaimRest(Claimed claim)
    {
        if (!_claims.ContainsKey((PathKind.Text, "/"))) _claims.TryAdd((claim.Route.Kind, HostRoutes.Normalize(claim.Route.Kind, claim.Route.Path)), claim);
    }

    private Route? Build((PathKind, string) key, Claimed claim, bool usesPatterns)
    {
        Claimed? canary = _canaries.Count > 0 && _canaries.TryGetValue(key, out var found) ? found : null;
        if (canary is null && claim.Of.Built[claim.Index] is { Canary: null } before && before.Pattern is not null == usesPatterns && ReferenceEquals(before.ClientAuth, _clientAuth)) return before;
        return claim.Of.Built[claim.Index] = Build(claim.Plan, claim.Route, canary, usesPatterns);
    }

    private Route? Build(IngressPlan plan, PlannedRoute planned, Claimed? canary, bool usesPatterns)
    {
        Regex? pattern = null;
        if (usesPatterns)
        {
            // Not compiled: ahead-of-time code has no compiler, and most are short.
            if (!TryPattern(planned.Path, out pattern))
            {
                _problems.Add((plan.Ingress.Key, new Problem("InvalidPath", $"path \"{planned.Path}\" of host \"{planned.Host}\" is no regular expression, which this host's paths are, and is not served")));
                return null;
            }
        }
        return Create(plan, planned, pattern, canary is { } other ? Create(other.Plan, other.Route, pattern, null) : null);
    }

    private Route Create(IngressPlan plan, PlannedRoute planned, Regex? pattern, Route? canary)
    {
        var key = plan.Ingress.Key;
        var fallback = plan.Options.DefaultBackend is { } name ? backends(new BackendKey(new ObjectKey(key.Namespace, name), "", 0, false)) : null;
        return new Route
        {
            Ingress = key,
            Host = planned.Host,
            Path = planned.Path,
            Kind = planned.Kind,
            Options = Differs(plan) ? plan.Options with { Denied = plan.Options.Denied ?? "auth-tls-*" } : plan.Options,
            ClientAuth = _clientAuth,
            Backend = planned.Backend is { } backend ? backends(backend) : null,
            Fallback = fallback,
            ErrorPages = plan.Options.CustomErrors.Count == 0 ? null : fallback ?? (defaultBackend is { } last ? backends(last) : null),
            HasTls = planned.HasTls,
            Canary = canary,
            Pattern = pattern,
            IsLean = pattern is null && _clientAuth is null && plan.Options.IsLean && canary?.Options.Canary?.Pattern is null,
            Metrics = metrics(key, planned.Backend?.Service.Name ?? ""),
        };
    }

    private bool Differs(IngressPlan plan) => plan.Options.ClientCertificates?.Auth is { } own && own.Rule != _clientAuth!.Rule;

    /// <summary>What answers where no Ingress does.</summary>
    /// <param name="plans">Of Ingresses without rules.</param>
    internal Route? CatchAll(IEnumerable<IngressPlan> plans)
    {
        var oldest = plans.Order(OldestFirst.Instance).FirstOrDefault();
        _clientAuth = oldest?.Options.ClientCertificates?.Auth;
        return oldest is null ? null : Create(oldest, new PlannedRoute("", "/", PathKind.Prefix, oldest.CatchAll, oldest.Certificates.Count > 0, IsImplied: true), null, null);
    }

    /// <summary>One path as an Ingress wants it.</summary>
    private readonly record struct Claimed(IngressPlan Plan, PlannedHost Of, int Index)
    {
        internal PlannedRoute Route => Of.Routes[Index];
    }

    private static bool NeedsRewrite(RouteOptions options, PlannedRoute route) => options.RewriteTarget is { } target && target != route.Path;

    private static bool TryPattern(string path, out Regex? pattern)
    {
        try
        {
            pattern = new Regex($"^{path}", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Values.RegexPatience);
            return true;
        }
        catch (ArgumentException)
        {
            pattern = null;
            return false;
        }
    }
}
