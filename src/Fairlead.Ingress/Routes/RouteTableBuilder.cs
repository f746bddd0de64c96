using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Metrics;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Ingress.Tls;
using Fairlead.Kube;

namespace Fairlead.Ingress.Routes;

/// <summary>
/// Builds snapshots from changes: a change costs the hosts that it touches, and a copy of the table of hosts. Endpoints change inside their backends
/// and cost no table at all. One writer.
/// </summary>
internal sealed class RouteTableBuilder(ClassRule rule, MetricsRegistry metrics, BackendKey? defaultBackend = null)
{
    private readonly Dictionary<ObjectKey, IngressInfo> _ingresses = [];
    private readonly Dictionary<ObjectKey, IngressPlan> _plans = [];
    private readonly Dictionary<string, List<IngressPlan>> _byHost = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, HashSet<ObjectKey>> _bySecret = [];
    private readonly Dictionary<ObjectKey, SecretInfo> _secrets = [];
    private readonly Dictionary<ObjectKey, ServingCertificate?> _certificates = [];
    private readonly Dictionary<string, IngressClassInfo> _classes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IReadOnlyList<(ObjectKey Ingress, Problem Problem)>> _conflicts = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, HashSet<Problem>> _told = [];
    private readonly HashSet<string> _dirtyHosts = new(StringComparer.Ordinal);
    private readonly HashSet<ObjectKey> _dirtyIngresses = [];
    private IngressSnapshot _current = IngressSnapshot.Empty;
    private bool _plansChanged = true;

    internal BackendSet Backends { get; } = new();

    internal int IngressCount => _plans.Count;

    /// <summary>Whether the Ingress is ours.</summary>
    internal bool Owns(ObjectKey key) => _plans.ContainsKey(key);

    internal IEnumerable<ObjectKey> Owned => _plans.Keys;

    internal void SetIngress(ObjectKey key, IngressInfo? ingress)
    {
        if (ingress is not null && _ingresses.TryGetValue(key, out var before) && before.Spec == ingress.Spec && before.Uid == ingress.Uid)
        {
            _ingresses[key] = ingress;
            return;
        }
        if (ingress is null) _ingresses.Remove(key);
        else _ingresses[key] = ingress;
        Replan(key);
    }

    internal void SetClass(string name, IngressClassInfo? found)
    {
        if (found is null) _classes.Remove(name);
        else _classes[name] = found;
        foreach (var (key, ingress) in _ingresses)
        {
            if (rule.Owns(ingress.Spec, _classes) != _plans.ContainsKey(key)) Replan(key);
        }
    }

    internal void SetSecret(ObjectKey key, SecretInfo? secret)
    {
        if (secret is null) _secrets.Remove(key);
        else _secrets[key] = secret;
        _certificates.Remove(key);
        if (!_bySecret.TryGetValue(key, out var users)) return;
        foreach (var user in users.ToList()) Replan(user);
    }

    internal void SetService(ObjectKey key, ServiceInfo? service) => Backends.SetService(key, service);

    internal void SetSlice(ObjectKey key, SliceInfo? old, SliceInfo? now) => Backends.SetSlice(key, old, now);

    /// <summary>The next snapshot, the same one where nothing but endpoints changed; and the problems that are new.</summary>
    internal (IngressSnapshot Snapshot, IReadOnlyList<NewProblem> Problems) Commit()
    {
        if (!_plansChanged) return (_current, []);
        _plansChanged = false;
        var hosts = _current.Routes.CopyHosts();
        var certificates = _current.Certificates.CopyHosts();
        var planner = new HostPlanner(Backends.Get, metrics.Get, defaultBackend);
        foreach (var host in _dirtyHosts) Rebuild(host, planner, hosts, certificates);
        _current = new IngressSnapshot(new RouteTable(hosts, planner.CatchAll(_plans.Values.Where(plan => plan.CatchAll is not null)) ?? DefaultRoute()), new CertificateTable(certificates));
        var problems = NewProblems();
        _dirtyHosts.Clear();
        _dirtyIngresses.Clear();
        return (_current, problems);
    }

    /// <summary>Forgets backends that no route uses; costs the whole table, so not at each change.</summary>
    internal void Sweep()
    {
        var used = _plans.Values.SelectMany(plan => plan.ByHost.Values.SelectMany(host => host.Routes).Select(route => route.Backend).Append(plan.CatchAll)
            .Append(plan.Options.DefaultBackend is { } name ? new BackendKey(new ObjectKey(plan.Ingress.Key.Namespace, name), "", 0, false) : null))
            .Append(defaultBackend).OfType<BackendKey>().ToHashSet();
        Backends.Remove(backend => !used.Contains(backend.Key));
    }

    private void Replan(ObjectKey key)
    {
        _plansChanged = true;
        _dirtyIngresses.Add(key);
        if (_plans.Remove(key, out var old))
        {
            foreach (var host in old.Hosts) Forget(host, old);
            foreach (var secret in old.Secrets) Forget(_bySecret, secret, key);
            _dirtyHosts.UnionWith(old.Hosts);
        }
        if (!_ingresses.TryGetValue(key, out var ingress))
        {
            _told.Remove(key);
            metrics.Remove(key);
            return;
        }
        if (!rule.Owns(ingress.Spec, _classes)) return;
        var plan = IngressPlanner.Plan(ingress, secret => _secrets.GetValueOrDefault(secret));
        _plans[key] = plan;
        foreach (var host in plan.Hosts) Note(host, plan);
        foreach (var secret in plan.Secrets) Note(_bySecret, secret, key);
        _dirtyHosts.UnionWith(plan.Hosts);
    }

    private void Rebuild(string host, HostPlanner planner, Dictionary<string, HostRoutes> hosts, Dictionary<string, NamedCertificate> certificates)
    {
        var plans = _byHost.TryGetValue(host, out var found) ? found : [];
        var planned = planner.Plan(host, plans);
        if (planned.Routes is null) hosts.Remove(host);
        else hosts[host] = planned.Routes;
        if (_conflicts.Remove(host, out var before)) _dirtyIngresses.UnionWith(before.Select(conflict => conflict.Ingress));
        if (planned.Problems.Count > 0)
        {
            _conflicts[host] = planned.Problems;
            _dirtyIngresses.UnionWith(planned.Problems.Select(conflict => conflict.Ingress));
        }
        if (Certificate(host, plans) is { } certificate) certificates[host] = certificate;
        else certificates.Remove(host);
    }

    /// <summary>The oldest Ingress' certificate that can be used.</summary>
    /// <param name="plans">The oldest first.</param>
    private NamedCertificate? Certificate(string host, IEnumerable<IngressPlan> plans)
    {
        foreach (var plan in plans.Where(plan => plan.Certificates.Count > 0))
        {
            foreach (var wanted in plan.Certificates.Where(certificate => certificate.Host == host))
            {
                if (Load(wanted.Secret) is { } certificate) return new NamedCertificate(certificate, wanted.Secret);
            }
        }
        return null;
    }

    private ServingCertificate? Load(ObjectKey secret)
    {
        if (_certificates.TryGetValue(secret, out var loaded)) return loaded;
        if (!_secrets.TryGetValue(secret, out var found)) return null;
        if (found.Certificate.Length == 0 || !ServingCertificate.TryLoad(found, out loaded, out _)) loaded = null;
        return _certificates[secret] = loaded;
    }

    private Route? DefaultRoute() => defaultBackend is not { } key ? null : new Route
    {
        Ingress = default,
        Host = "",
        Path = "/",
        Kind = PathKind.Prefix,
        Options = RouteOptions.Default,
        Backend = Backends.Get(key),
        IsLean = true,
        Metrics = metrics.Get(default, key.Service.Name),
    };

    /// <summary>What an Ingress has now and had not before; one that is gone and comes back is told again.</summary>
    private List<NewProblem> NewProblems()
    {
        var found = new List<NewProblem>();
        // Conflicts by Ingress, of those looked at only: they are few.
        var conflicts = _conflicts.Count == 0 ? null : _conflicts.Values.SelectMany(list => list).Where(conflict => _dirtyIngresses.Contains(conflict.Ingress)).ToLookup(conflict => conflict.Ingress, conflict => conflict.Problem);
        foreach (var key in _dirtyIngresses)
        {
            if (!_plans.TryGetValue(key, out var plan)) continue;
            var now = plan.Problems.Concat(conflicts?[key] ?? []).ToHashSet();
            var before = _told.GetValueOrDefault(key);
            found.AddRange(now.Where(problem => before?.Contains(problem) != true).Select(problem => new NewProblem(key, plan.Ingress.Uid, problem)));
            if (now.Count > 0) _told[key] = now;
            else _told.Remove(key);
        }
        return found;
    }

    private void Note(string host, IngressPlan plan)
    {
        if (!_byHost.TryGetValue(host, out var plans)) _byHost[host] = plans = [];
        var at = plans.BinarySearch(plan, OldestFirst.Instance);
        plans.Insert(at < 0 ? ~at : at, plan);
    }

    private void Forget(string host, IngressPlan plan)
    {
        if (!_byHost.TryGetValue(host, out var plans)) return;
        var at = plans.BinarySearch(plan, OldestFirst.Instance);
        if (at >= 0) plans.RemoveAt(at);
        if (plans.Count == 0) _byHost.Remove(host);
    }

    private static void Note<TKey>(Dictionary<TKey, HashSet<ObjectKey>> index, TKey key, ObjectKey value) where TKey : notnull
    {
        if (!index.TryGetValue(key, out var values)) index[key] = values = [];
        values.Add(value);
    }

    private static void Forget<TKey>(Dictionary<TKey, HashSet<ObjectKey>> index, TKey key, ObjectKey value) where TKey : notnull
    {
        if (index.TryGetValue(key, out var values) && values.Remove(value) && values.Count == 0) index.Remove(key);
    }
}
