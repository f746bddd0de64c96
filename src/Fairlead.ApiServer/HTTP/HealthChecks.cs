using System.Text;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Storage;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// /healthz, /livez and /readyz, whole and by check, under kube-apiserver's names for what this server has
/// (Kubernetes documentation: "Kubernetes API health endpoints").
/// </summary>
internal sealed class HealthChecks(StoreHealth store)
{
    private static readonly string[] Roots = ["/healthz", "/livez", "/readyz"];

    // The server listens when these are done, so whoever hears of them hears that.
    private static readonly string[] Begun =
    [
        "poststarthook/start-system-namespaces-controller", "poststarthook/scheduling/bootstrap-system-priority-classes",
        "poststarthook/rbac/bootstrap-roles", "poststarthook/bootstrap-controller",
    ];

    private volatile bool _ending;

    public static bool IsHealthPath(ApiRequest request) =>
        request.Kind is null && Roots.Any(root => request.Path == root || (request.Path.StartsWith(root, StringComparison.Ordinal) && request.Path[root.Length] == '/'));

    /// <summary>From here on the server is not ready; it lives until its last request is served.</summary>
    public void End() => _ending = true;

    /// <exception cref="ApiError">404: there is no such check.</exception>
    public Task HandleAsync(HttpContext context, ApiRequest request)
    {
        if (request.Verb is not ("get" or "head")) throw ApiError.MethodNotAllowed();
        var slash = request.Path.IndexOf('/', 1);
        var (root, name) = slash < 0 ? (request.Path[1..], "") : (request.Path[1..slash], request.Path[(slash + 1)..]);
        var checks = ChecksOf(root);
        if (name.Length > 0)
        {
            if (checks.All(check => check.Name != name)) throw ApiError.NoSuchPath();
            checks = [.. checks.Where(check => check.Name == name)];
        }
        var excluded = context.Request.Query["exclude"].OfType<string>().Where(text => text.Length > 0).ToHashSet();
        var failed = checks.Any(check => check.Failure is not null && !excluded.Contains(check.Name));
        var text = failed || context.Request.Query.ContainsKey("verbose") ? Describe(root, name, checks, excluded, failed) : "ok";
        return Answers.WriteTextAsync(context, failed ? 500 : 200, text);
    }

    private static string Describe(string root, string name, List<(string Name, string? Failure)> checks, HashSet<string> excluded, bool failed)
    {
        var text = new StringBuilder();
        foreach (var (check, failure) in checks)
        {
            // Why stays in the log: anybody may ask here.
            var line = excluded.Contains(check) ? $"[+]{check} excluded: ok" : failure is null ? $"[+]{check} ok" : $"[-]{check} failed: reason withheld";
            text.Append(line).Append('\n');
        }
        var unknown = excluded.Where(one => checks.All(check => check.Name != one)).Select(one => $"\"{one}\"").ToList();
        if (unknown.Count > 0) text.Append($"warn: some health checks cannot be excluded: no matches for {string.Join(",", unknown)}\n");
        return text.Append($"{(name.Length > 0 ? name : root)} check {(failed ? "failed" : "passed")}\n").ToString();
    }

    private List<(string Name, string? Failure)> ChecksOf(string root)
    {
        var checks = new List<(string, string?)> { ("ping", null), ("etcd", store.Failure) };
        if (root == "readyz") checks.AddRange([("etcd-readiness", store.Failure), ("informer-sync", null)]);
        checks.AddRange(Begun.Select(name => (name, (string?)null)));
        if (root == "readyz") checks.Add(("shutdown", _ending ? "the server is ending" : null));
        return checks;
    }
}
